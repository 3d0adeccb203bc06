//! What a consumer is told.

use std::time::Duration;

use payflow_core::{ConsumerLimits, OffsetTracker, RebalanceProtocol};
use rdkafka::ClientConfig;

use super::{InvalidKafkaConfig, KafkaConfig, set_unless_given};

/// The settings of a [`KafkaConsumer`](crate::KafkaConsumer). Checked when the consumer is made.
#[derive(Debug, Clone)]
pub struct KafkaConsumerConfig {
    group: String,
    protocol: RebalanceProtocol,
    revoke_drain: Duration,
    max_poll_interval: Duration,
    session_timeout: Duration,
    buffer_bytes_max: usize,
}

impl KafkaConsumerConfig {
    /// A member of `group`, with the defaults that each setter names.
    #[must_use]
    pub fn new(group: &str) -> Self {
        Self {
            group: group.to_owned(),
            protocol: RebalanceProtocol::Cooperative,
            revoke_drain: Duration::from_secs(5),
            max_poll_interval: Duration::from_secs(300),
            session_timeout: Duration::from_secs(45),
            buffer_bytes_max: 64 * 1024 * 1024,
        }
    }

    /// How partitions change hands. Default [`RebalanceProtocol::Cooperative`]; eager for a group that is shared with
    /// clients that know no cooperative one, such as kafka-go. All members of a group must agree.
    #[must_use]
    pub const fn with_protocol(mut self, protocol: RebalanceProtocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How long running handlers may go on when their partition is taken away; the rebalance waits that long, and
    /// nothing is fetched meanwhile. Above zero, below half of the longest poll interval, default 5 s.
    #[must_use]
    pub const fn with_revoke_drain(mut self, drain: Duration) -> Self {
        self.revoke_drain = drain;
        self
    }

    /// How long the group waits for a member that does not answer a rebalance before it goes on without it. Up to 24 h,
    /// default 5 min.
    #[must_use]
    pub const fn with_max_poll_interval(mut self, interval: Duration) -> Self {
        self.max_poll_interval = interval;
        self
    }

    /// How long the group waits for a member that is silent: dead, or cut off. Not above the longest poll interval, and
    /// within the broker's bounds (6 s to 30 min, if it was not told otherwise). Default 45 s.
    #[must_use]
    pub const fn with_session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// How many bytes of records are copied out and alive at once: when there are so many, no further batch is read. 4 MiB to
    /// 2 GiB, default 64 MiB.
    ///
    /// librdkafka holds a quarter of that besides, and overshoots it by one answer of each broker; the last batch may pass the
    /// bound by as much.
    #[must_use]
    pub const fn with_buffer_bytes_max(mut self, bytes: usize) -> Self {
        self.buffer_bytes_max = bytes;
        self
    }

    pub(crate) const fn revoke_drain(&self) -> Duration {
        self.revoke_drain
    }

    pub(crate) const fn buffer_bytes_max(&self) -> usize {
        self.buffer_bytes_max
    }

    /// librdkafka's settings: the promises, then what may be tuned.
    pub(crate) fn client_config(&self, shared: &KafkaConfig) -> Result<ClientConfig, InvalidKafkaConfig> {
        self.check()?;
        let strategy = match self.protocol {
            RebalanceProtocol::Cooperative => "cooperative-sticky",
            RebalanceProtocol::Eager => "range,roundrobin",
        };
        let mut config = shared.client_config()?;
        config
            .set("group.id", &self.group)
            .set("partition.assignment.strategy", strategy)
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            .set("max.poll.interval.ms", self.max_poll_interval.as_millis().to_string())
            // The engine commits, its watermark and its metadata.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A new group handles what is there; expired offsets are reported, not skipped in silence.
            .set("auto.offset.reset", "earliest")
            // With the batch call an end of partition makes a pause skip a record.
            .set("enable.partition.eof", "false")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            // librdkafka's own bound on what is fetched ahead.
            .set("queued.max.messages.kbytes", (self.queued_bytes() / 1024).to_string())
            .set("fetch.max.bytes", self.fetch_bytes().to_string())
            .set("fetch.message.max.bytes", self.fetch_partition_bytes().to_string());
        // Three heartbeats may be missed, as Java's client has it.
        let heartbeat = (self.session_timeout / 3).min(HEARTBEAT_MAX);
        set_unless_given(&mut config, "heartbeat.interval.ms", heartbeat.as_millis().to_string());
        // At its default of 1,000 a bounded queue runs many times slower; at 0 a thread spins while it is full.
        set_unless_given(&mut config, "fetch.queue.backoff.ms", "10");
        set_unless_given(&mut config, "fetch.wait.max.ms", "100");
        // How long a topic is not found that no broker knew at the subscription, and a partition that was added since: by
        // default five minutes.
        set_unless_given(&mut config, "topic.metadata.refresh.interval.ms", "60000");
        self.check_properties(&config)?;
        Ok(config)
    }

    /// What a pipeline's settings are held against.
    pub(crate) fn limits(&self) -> ConsumerLimits {
        ConsumerLimits::unknown()
            .with_fetch_bytes(self.fetch_partition_bytes())
            .with_held_bytes(self.buffer_bytes_max)
            .with_partition_records(OffsetTracker::UNFINISHED_MAX)
    }

    /// What librdkafka may hold of what it fetched ahead.
    const fn queued_bytes(&self) -> usize {
        self.buffer_bytes_max / 4
    }

    /// Of one answer of a broker.
    fn fetch_bytes(&self) -> usize {
        self.queued_bytes().min(FETCH_BYTES_MAX)
    }

    /// Of one partition in it.
    fn fetch_partition_bytes(&self) -> usize {
        self.queued_bytes().min(FETCH_PARTITION_BYTES_MAX)
    }

    fn check(&self) -> Result<(), InvalidKafkaConfig> {
        let refuse = |setting, reason| Err(InvalidKafkaConfig::new(setting, reason));
        if self.group.is_empty() || self.group.contains('\0') {
            return refuse("group", "is empty or holds a NUL: name it after the service");
        }
        if !(SESSION_LEAST..=SESSION_MAX).contains(&self.session_timeout) {
            return refuse("session_timeout", "is not within 1 s to 1 h: 45 s suits most");
        }
        if self.max_poll_interval > POLL_INTERVAL_MAX {
            return refuse("max_poll_interval", "is above 24 h: 5 min suits most");
        }
        if self.session_timeout > self.max_poll_interval {
            return refuse("session_timeout", "is above max_poll_interval: lower it, or raise the other");
        }
        if self.revoke_drain.is_zero() {
            return refuse(
                "revoke_drain",
                "is 0, so that every rebalance would cut off running handlers: 5 s suits most",
            );
        }
        if self.revoke_drain >= self.max_poll_interval / 2 {
            return refuse(
                "revoke_drain",
                "is not below half of max_poll_interval, so that a drain could lose the partitions: lower it, or raise \
                 the other",
            );
        }
        if !(BUFFER_BYTES_LEAST..=BUFFER_BYTES_MAX).contains(&self.buffer_bytes_max) {
            return refuse("buffer_bytes_max", "is not within 4 MiB to 2 GiB: 64 MiB suits most");
        }
        Ok(())
    }

    /// Holds what was passed through against what is set here.
    fn check_properties(&self, config: &ClientConfig) -> Result<(), InvalidKafkaConfig> {
        // librdkafka has taken them for numbers.
        let told = |key| config.get(key).and_then(|value| value.parse::<u128>().ok());
        let refuse = |key, reason| Err(InvalidKafkaConfig::new(key, reason));
        if told("heartbeat.interval.ms").is_some_and(|told| told > self.session_timeout.as_millis() / 3) {
            return refuse(
                "heartbeat.interval.ms",
                "is above a third of session_timeout, so that two lost heartbeats cost the partitions: lower it, or leave \
                 it out",
            );
        }
        let fetch = self.fetch_bytes() as u128;
        if told("fetch.min.bytes").is_some_and(|told| told > fetch) {
            return refuse(
                "fetch.min.bytes",
                "is above what a fetch may bring, a quarter of buffer_bytes_max: lower it, or raise the other",
            );
        }
        if told("message.max.bytes").is_some_and(|told| told > fetch) {
            return refuse(
                "message.max.bytes",
                "is above what a fetch may bring, a quarter of buffer_bytes_max: set it for producers alone, or raise the \
                 other",
            );
        }
        if told("receive.message.max.bytes").is_some_and(|told| told < fetch + ANSWER_HEAD_BYTES) {
            return refuse(
                "receive.message.max.bytes",
                "is below what a fetch may bring, a quarter of buffer_bytes_max, and 512 bytes: leave it out, or lower the \
                 other",
            );
        }
        Ok(())
    }
}

const SESSION_LEAST: Duration = Duration::from_secs(1);
const SESSION_MAX: Duration = Duration::from_secs(3_600);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A quarter of it still holds the largest record that a broker takes by default.
const BUFFER_BYTES_LEAST: usize = 4 * 1024 * 1024;
const BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// librdkafka's defaults, where the budget allows them.
const FETCH_BYTES_MAX: usize = 50 * 1024 * 1024;
const FETCH_PARTITION_BYTES_MAX: usize = 1024 * 1024;
/// What librdkafka leaves for the head of an answer.
const ANSWER_HEAD_BYTES: u128 = 512;
