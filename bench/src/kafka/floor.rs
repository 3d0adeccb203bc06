//! What both floors share: the settings of payflow's consumer, and commits as often as the pipeline's.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::drain::{Drain, Patience, Source};
use super::payment::Borrowed;
use super::report::{Meter, Report};

/// The settings that payflow's consumer gives librdkafka by default. One differs: librdkafka notes what it handed out,
/// which is what a bare loop commits.
pub(super) fn client_config(source: &Source) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &source.brokers)
        .set("group.id", &source.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "true")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "false")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("queued.max.messages.kbytes", QUEUED_KIB.to_string())
        .set("fetch.max.bytes", (QUEUED_KIB * 1_024).to_string())
        .set("fetch.message.max.bytes", (1_024 * 1_024).to_string())
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.wait.max.ms", "100")
        .set("reconnect.backoff.ms", "10")
        .set("allow.auto.create.topics", "false")
        .set_log_level(RDKafkaLogLevel::Error);
    config
}

/// All that a floor does with a header: it has been there.
pub(super) fn look_at(name: &[u8], value: Option<&[u8]>) {
    black_box((name, value));
}

/// A quarter of the consumer's 64 MiB.
const QUEUED_KIB: u64 = 16 * 1_024;

/// A run of a floor: handles records one by one and commits.
pub(super) struct Run<'a> {
    source: &'a Source,
    handler: Duration,
    bytes: bool,
    meter: Meter,
    patience: Patience,
    handled: u64,
    commits: Commits,
}

impl<'a> Run<'a> {
    pub(super) fn start(drain: &Drain, source: &'a Source) -> Self {
        Self {
            source,
            handler: Duration::from_millis(drain.handler_ms),
            bytes: drain.bytes,
            meter: Meter::start(),
            patience: Patience::new(),
            handled: 0,
            commits: Commits::new(),
        }
    }

    /// How many records are to come.
    pub(super) const fn left(&self) -> u64 {
        self.source.messages.saturating_sub(self.handled)
    }

    /// Decodes a value unless told not to, and waits as long as a handler.
    ///
    /// # Errors
    /// The value is no payment.
    pub(super) fn handle(&mut self, value: &[u8]) -> anyhow::Result<()> {
        self.meter.begin();
        if self.bytes {
            black_box(value);
        } else {
            let payment = Borrowed::read(value).with_context(|| {
                format!("a record of {} is no payment: `fill` makes them", self.source.topic)
            })?;
            black_box((payment.user_id, payment.amount, payment.method));
        }
        if !self.handler.is_zero() {
            thread::sleep(self.handler);
        }
        self.handled += 1;
        Ok(())
    }

    /// Commits if it is time to.
    ///
    /// # Errors
    /// Nothing has come for long, or the client refuses the commit.
    pub(super) fn commit<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>) -> anyhow::Result<()> {
        if self.commits.when_due(self.handled, consumer)? {
            self.patience.check(self.handled, self.source)?;
        }
        Ok(())
    }

    /// Takes the time, then makes the rest durable.
    pub(super) fn end<C: ConsumerContext>(self, consumer: &BaseConsumer<C>) -> anyhow::Result<Report> {
        let report = self.meter.end(self.handled)?;
        self.commits.rest(consumer)?;
        Ok(report)
    }
}

/// When to commit.
pub(super) struct Commits {
    committed: u64,
    due_at: Instant,
}

impl Commits {
    pub(super) fn new() -> Self {
        Self { committed: 0, due_at: Instant::now() + COMMIT_INTERVAL }
    }

    /// Commits if it is time to, now that so many are handled, and tells whether it was.
    ///
    /// # Errors
    /// The client refuses the commit.
    pub(super) fn when_due<C: ConsumerContext>(
        &mut self,
        handled: u64,
        consumer: &BaseConsumer<C>,
    ) -> anyhow::Result<bool> {
        let due = handled - self.committed >= COMMIT_RECORDS || Instant::now() >= self.due_at;
        if due {
            *self = Self { committed: handled, ..Self::new() };
            commit(consumer, CommitMode::Async)?;
        }
        Ok(due)
    }

    /// Makes the rest durable.
    pub(super) fn rest<C: ConsumerContext>(self, consumer: &BaseConsumer<C>) -> anyhow::Result<()> {
        commit(consumer, CommitMode::Sync)
    }
}

fn commit<C: ConsumerContext>(consumer: &BaseConsumer<C>, mode: CommitMode) -> anyhow::Result<()> {
    match consumer.commit_consumer_state(mode) {
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => Ok(()),
        committed => committed.context("the commit was refused"),
    }
}

/// The pipeline's defaults.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
const COMMIT_RECORDS: u64 = 10_000;
/// How long to wait for records.
pub(super) const WAIT: Duration = Duration::from_millis(100);
