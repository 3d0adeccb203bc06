//! What a producer is told.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::{InvalidKafkaConfig, KafkaConfig, set_unless_given};

/// Which partition a key goes to. All programs that write to a topic must agree, or one payer has two partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Partitioner {
    /// As Java's client: murmur2 of the key. Any partition for a record without a key. The default.
    #[default]
    Murmur2Random,
    /// As kafka-go's `Hash` and sarama's default: FNV-1a of the key. Any partition for a record without a key.
    Fnv1aRandom,
}

impl Partitioner {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Murmur2Random => "murmur2_random",
            Self::Fnv1aRandom => "fnv1a_random",
        }
    }
}

/// How batches are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all: best for records below about 1 KiB, such as payments. The default.
    #[default]
    None,
    /// LZ4.
    Lz4,
}

impl Compression {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
        }
    }
}

/// The settings of a [`KafkaProducer`](crate::KafkaProducer). Checked when the producer is made.
///
/// A send is decided within `queue_timeout` and `delivery_timeout` together: their sum is below the deadline of the
/// requests that wait for it, or [`DirectIntake`](payflow_core::DirectIntake) refuses that deadline.
#[derive(Debug, Clone)]
pub struct KafkaProducerConfig {
    partitioner: Partitioner,
    compression: Compression,
    delivery_timeout: Duration,
    queue_timeout: Duration,
    queue_records: usize,
    queue_bytes: usize,
    batch_bytes: usize,
    linger: Duration,
    max_in_flight: usize,
}

impl KafkaProducerConfig {
    /// The defaults, each said at its setter: those of a front door, where a request waits for each record.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            partitioner: Partitioner::Murmur2Random,
            compression: Compression::None,
            delivery_timeout: Duration::from_secs(8),
            queue_timeout: Duration::from_secs(1),
            queue_records: 100_000,
            queue_bytes: 64 * 1024 * 1024,
            batch_bytes: 1_000_000,
            linger: Duration::ZERO,
            max_in_flight: 1,
        }
    }

    /// Which partition a key goes to. Default [`Partitioner::Murmur2Random`].
    #[must_use]
    pub const fn with_partitioner(mut self, partitioner: Partitioner) -> Self {
        self.partitioner = partitioner;
        self
    }

    /// How batches are packed. Default [`Compression::None`].
    #[must_use]
    pub const fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How long a queued record may take until its send is decided, retries included. 500 ms to 1 h, default 8 s.
    ///
    /// What is undecided half a second before that (an eighth of it, below 4 s) is given up, so that it is decided in time.
    #[must_use]
    pub const fn with_delivery_timeout(mut self, timeout: Duration) -> Self {
        self.delivery_timeout = timeout;
        self
    }

    /// How long a send waits for room in a full queue; then it fails as transient. At most 1 h, default 1 s.
    #[must_use]
    pub const fn with_queue_timeout(mut self, timeout: Duration) -> Self {
        self.queue_timeout = timeout;
        self
    }

    /// How many records may be queued or under way. 1 to 10,000,000, default 100,000.
    #[must_use]
    pub const fn with_queue_records(mut self, records: usize) -> Self {
        self.queue_records = records;
        self
    }

    /// How many bytes of records may be queued or under way; a larger record is taken alone. 1 MiB to 1 GiB, default
    /// 64 MiB.
    #[must_use]
    pub const fn with_queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How many bytes of records share a batch; a larger record has one of its own. 1 KiB to 16 MiB, default 1,000,000.
    ///
    /// Not above `max.message.bytes` of the topics (1,048,588 by default): a broker refuses a larger batch as a whole, and
    /// each of its records fails as permanent.
    #[must_use]
    pub const fn with_batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// How long a record waits for others to share its batch. Whole milliseconds, below a quarter of the delivery
    /// timeout, default 0: while a request is under way records gather anyhow. For a relay that wants throughput 50 ms
    /// and more.
    #[must_use]
    pub const fn with_linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// How many requests may be under way on a connection. 1 to 5, the most that keeps the order; default 1: records
    /// gather while a request is out.
    ///
    /// With more than one, a request that fails while leaders change can have what is repeated on other partitions written
    /// twice ([librdkafka 4953](https://github.com/confluentinc/librdkafka/issues/4953)), under the same payment ids.
    #[must_use]
    pub const fn with_max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    pub(crate) const fn delivery_timeout(&self) -> Duration {
        self.delivery_timeout
    }

    /// How long a record is undecided until it is given up.
    pub(crate) fn patience(&self) -> Duration {
        self.delivery_timeout - GIVING_UP.min(self.delivery_timeout / 8)
    }

    pub(crate) const fn queue_timeout(&self) -> Duration {
        self.queue_timeout
    }

    pub(crate) const fn queue_records(&self) -> usize {
        self.queue_records
    }

    pub(crate) const fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// librdkafka's settings: the promises, then what may be tuned.
    pub(crate) fn client_config(&self, shared: &KafkaConfig) -> Result<ClientConfig, InvalidKafkaConfig> {
        self.check()?;
        let mut config = shared.client_config()?;
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("partitioner", self.partitioner.as_str())
            .set("compression.codec", self.compression.as_str())
            // Out of reach: what takes too long is given up by `producer/line.rs`.
            .set("message.timeout.ms", i32::MAX.to_string())
            .set("batch.size", self.batch_bytes.to_string())
            .set("queue.buffering.max.ms", self.linger.as_millis().to_string())
            .set("max.in.flight.requests.per.connection", self.max_in_flight.to_string())
            // The producer bounds its queue itself. A record leaves librdkafka's only after all reports of its batch are
            // handed out, so that both the old and the new ones are in it for a moment: twice the bound.
            .set("queue.buffering.max.messages", (2 * self.queue_records).to_string())
            .set("queue.buffering.max.kbytes", (2 * self.queue_bytes / 1024 + ROOM_KBYTES).to_string());
        // The largest record is the topic's affair.
        set_unless_given(&mut config, "message.max.bytes", RECORD_BYTES_MAX.to_string());
        // A broker that hangs keeps its connection: what it was sent is asked again of the next leader while there is time.
        let answer_timeout = (self.patience() / 2).clamp(ANSWER_TIMEOUT_LEAST, ANSWER_TIMEOUT_MAX);
        set_unless_given(&mut config, "socket.timeout.ms", answer_timeout.as_millis().to_string());
        // An unknown topic may be one that was just created and that not all brokers know yet.
        let propagation = (self.patience() / 3).min(PROPAGATION_MAX);
        set_unless_given(
            &mut config,
            "topic.metadata.propagation.max.ms",
            propagation.as_millis().to_string(),
        );
        Ok(config)
    }

    fn check(&self) -> Result<(), InvalidKafkaConfig> {
        let refuse = |setting, reason| Err(InvalidKafkaConfig::new(setting, reason));
        if !(Duration::from_millis(500)..=HOUR).contains(&self.delivery_timeout) {
            return refuse("delivery_timeout", "is not within 500 ms to 1 h: 8 s suits a front door");
        }
        if self.queue_timeout > HOUR {
            return refuse("queue_timeout", "is above 1 h: 1 s suits a front door");
        }
        if !(1..=QUEUE_RECORDS_MAX).contains(&self.queue_records) {
            return refuse("queue_records", "is not within 1 to 10,000,000: 100,000 suits most");
        }
        if !(QUEUE_BYTES_LEAST..=QUEUE_BYTES_MAX).contains(&self.queue_bytes) {
            return refuse("queue_bytes", "is not within 1 MiB to 1 GiB: 64 MiB suits most");
        }
        if !(BATCH_BYTES_LEAST..=RECORD_BYTES_MAX).contains(&self.batch_bytes) {
            return refuse("batch_bytes", "is not within 1 KiB to 16 MiB: 1,000,000 suits Kafka's defaults");
        }
        if !self.linger.subsec_nanos().is_multiple_of(1_000_000) {
            return refuse("linger", "is no whole number of milliseconds: round it");
        }
        if self.linger >= self.delivery_timeout / 4 {
            return refuse(
                "linger",
                "is not below a quarter of delivery_timeout, so that waiting could use up the time to send: lower it",
            );
        }
        if !(1..=5).contains(&self.max_in_flight) {
            return refuse(
                "max_in_flight",
                "is not within 1 to 5, beyond which a broker keeps no order: set it to 1 for low latency, 5 for far brokers",
            );
        }
        Ok(())
    }
}

impl Default for KafkaProducerConfig {
    fn default() -> Self {
        Self::new()
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const QUEUE_RECORDS_MAX: usize = 10_000_000;
const QUEUE_BYTES_LEAST: usize = 1024 * 1024;
const QUEUE_BYTES_MAX: usize = 1024 * 1024 * 1024;
const BATCH_BYTES_LEAST: usize = 1024;
/// One record of librdkafka's largest size, which is taken even when it is larger than the queue.
const ROOM_KBYTES: usize = 1_000_000_000 / 1024 + 1;
/// Above what clusters allow, so that a dead letter of their largest record passes.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long it takes at most to give up what is undecided, and to tell.
const GIVING_UP: Duration = Duration::from_millis(500);
/// A broker that has much to do may take as long.
const ANSWER_TIMEOUT_LEAST: Duration = Duration::from_millis(500);
/// librdkafka's default.
const ANSWER_TIMEOUT_MAX: Duration = Duration::from_secs(60);
const PROPAGATION_MAX: Duration = Duration::from_secs(2);
