//! The thread that serves librdkafka: it never waits for a handler.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use payflow_core::{Delivery, Error, Fault};
use rdkafka::Offset;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::oneshot;
use tracing::{debug, error, info, warn};

use super::chunk::{Budget, Copier};
use super::commits::{Commits, commit_failed};
use super::context::Context;
use super::holdings::Watermark;
use super::reading::{Place, Reading};
use super::rebalance::Step;
use super::shared::{Broken, Shared};
use crate::error;
use crate::health::KafkaHealth;
use crate::log::Once;
use crate::native::{Batch, DataConsumer, Read, reach_broker};

/// No wait is longer, so that librdkafka's `max.poll.interval.ms` never passes.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// How many records are read ahead of those handed over.
const READ_AHEAD: usize = Batch::MAX;

/// Everything the thread owns.
pub(super) struct PollThread {
    pub(super) client: DataConsumer<Context>,
    pub(super) shared: Arc<Shared>,
    pub(super) reading: Reading,
    pub(super) commits: Commits<Reply>,
    pub(super) step: Step,
    pub(super) revoke_drain: Duration,
    batch: Batch,
    budget: Arc<Budget>,
    record_bytes: usize,
    health: KafkaHealth,
    /// Since when no broker can be reached.
    outage: Option<Instant>,
    /// Errors that were told once, until something works again.
    told: Once<RDKafkaErrorCode>,
    probe_at: Instant,
}

/// Who waits for a commit.
pub(super) enum Reply {
    Owner(oneshot::Sender<Result<(), Error>>),
    /// The partitions that are asked back are let go after it.
    LettingGo,
}

impl PollThread {
    pub(super) fn new(
        client: DataConsumer<Context>,
        shared: Arc<Shared>,
        health: KafkaHealth,
        revoke_drain: Duration,
        buffer_bytes_max: usize,
    ) -> Self {
        let budget = Budget::new(buffer_bytes_max, Arc::clone(&shared.waker));
        Self {
            client,
            shared,
            reading: Reading::new(Copier::new(Arc::clone(&budget))),
            commits: Commits::new(),
            step: Step::default(),
            revoke_drain,
            batch: Batch::new(),
            budget,
            record_bytes: 1,
            health,
            outage: None,
            told: Once::new(),
            probe_at: Instant::now(),
        }
    }

    /// Runs until the owner wants no more, then leaves the group.
    pub(super) fn run(mut self) {
        self.shared.waker.set_thread(thread::current());
        while !self.shared.lock().closing {
            let now = Instant::now();
            self.serve();
            self.take_commits(now);
            let busy = self.follow(now);
            self.probe(now);
            let read = self.read();
            if read == 0 && !busy {
                self.advance();
                thread::park_timeout(self.wait(now));
            }
        }
        self.close();
    }

    fn wait(&self, now: Instant) -> Duration {
        self.step.wake_at().map_or(WAIT_MAX, |at| at.saturating_duration_since(now).min(WAIT_MAX))
    }

    /// Rebalances, commit results, errors.
    fn serve(&mut self) {
        let mut others = Vec::new();
        self.client.serve(|other| others.push(other.map(|message| stray(&message))));
        for other in others {
            match other {
                Ok((topic, partition, offset)) => self.read_again(&topic, partition, offset),
                Err(error) => self.note_error(&error),
            }
        }
        for result in self.client.consumer().client().context().take_commits() {
            match self.commits.decide(&result) {
                Some(decided) => self.decided(decided),
                None => debug!(?result, "a commit's result came that nobody waits for"),
            }
        }
        while let Some(expired) = self.commits.expire(Instant::now()) {
            self.decided(expired);
        }
    }

    fn decided(&mut self, decided: super::commits::Decided<Reply>) {
        if !decided.durable.is_empty() {
            self.works();
            let mut state = self.shared.lock();
            for watermark in &decided.durable {
                state.holdings.committed(watermark);
            }
        }
        match decided.reply {
            // Whoever has dropped the future does not want to know.
            Reply::Owner(reply) => drop(reply.send(decided.outcome)),
            Reply::LettingGo => self.step.committed(),
        }
    }

    fn take_commits(&mut self, now: Instant) {
        let requests = std::mem::take(&mut self.shared.lock().commits);
        for request in requests {
            self.commit(request.watermarks, Reply::Owner(request.reply), now);
        }
    }

    /// Starts a commit; its result comes by the main queue.
    pub(super) fn commit(&mut self, watermarks: Vec<Watermark>, reply: Reply, now: Instant) {
        let mut list = rdkafka::TopicPartitionList::with_capacity(watermarks.len());
        let added = watermarks.iter().try_for_each(|watermark| {
            let offset = Offset::Offset(watermark.offset);
            list.add_partition_offset(watermark.topic.as_str(), watermark.partition, offset)
        });
        let begun = added.and_then(|()| self.client.commit(&list));
        match begun {
            Ok(()) => self.commits.begin(watermarks, reply, now),
            Err(error) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                let outcome = Err(commit_failed(code));
                self.decided(super::commits::Decided { durable: Vec::new(), outcome, reply });
            }
        }
    }

    /// Reads what there is room for, and says how many messages there were.
    fn read(&mut self) -> usize {
        let max = self.room();
        if max == 0 {
            return 0;
        }
        let Self { client, batch, reading, shared, told, .. } = self;
        let mut failed = Vec::new();
        let mut records = 0;
        let count = client.read(batch, max, |message| {
            let Some(index) = reading.find(&message) else {
                return;
            };
            if let Some(code) = message.error() {
                reading.note_error(index);
                failed.push((code, message.topic().to_owned(), message.partition()));
                return;
            }
            records += 1;
            take(client, reading, shared, index, &message);
        });
        if records > 0 {
            told.clear();
        }
        self.hand_on(records);
        for (code, topic, partition) in failed {
            self.note_partition_error(code, &topic, partition);
        }
        count
    }

    /// How many records may be read now.
    fn room(&self) -> usize {
        let left = self.budget.left();
        if left == 0 {
            return 0;
        }
        let mut state = self.shared.lock();
        state.full = state.holdings.ready() >= READ_AHEAD;
        if state.full { 0 } else { (left / self.record_bytes).clamp(1, Batch::MAX) }
    }

    fn hand_on(&mut self, records: usize) {
        let deliveries = self.reading.deliveries();
        if deliveries.is_empty() {
            return;
        }
        let bytes: usize = deliveries.iter().map(Delivery::size_bytes).sum();
        // A batch of larger ones than before is noticed at once, one of smaller ones by and by.
        self.record_bytes = (bytes / records.max(1)).max(self.record_bytes * 3 / 4).max(1);
        self.shared.lock().holdings.read(deliveries);
        self.shared.changed.notify_one();
    }

    /// The data queue is empty: what librdkafka has passed without a record closes gaps, and ends may be reached.
    fn advance(&mut self) {
        let Self { client, reading, shared, .. } = self;
        if !client.positions(reading.list()) {
            return;
        }
        let mut told = false;
        reading.advance(|assignment, position| {
            let watermarks = client.watermarks(assignment.topic.as_str(), assignment.partition);
            let at_end = watermarks.is_some_and(|(_, high)| position >= high);
            shared.lock().holdings.reach(assignment.slot, assignment.generation, position, at_end);
            told |= at_end;
        });
        if told {
            shared.changed.notify_one();
        }
    }

    /// A pause goes on from librdkafka's position, which an error has moved past a record that was never handed out.
    pub(super) fn mend_positions(&mut self) {
        for (topic, partition, offset) in self.reading.faulty() {
            self.seek(topic.as_str(), partition, offset);
        }
    }

    fn read_again(&mut self, topic: &str, partition: i32, offset: i64) {
        error!(
            topic,
            partition, offset, "a record came on the main queue, and is read again: this is a bug in payflow"
        );
        self.seek(topic, partition, Offset::Offset(offset));
    }

    fn seek(&self, topic: &str, partition: i32, offset: Offset) {
        if let Err(error) = self.client.consumer().seek(topic, partition, offset, Duration::from_secs(1)) {
            warn!(topic, partition, ?offset, %error, "reading could not be set back: a restart reads from the last commit");
        }
    }

    fn note_error(&mut self, error: &KafkaError) {
        match error {
            KafkaError::MessageConsumptionFatal(code) => self.fail(*code),
            other => {
                let code = other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.note_code(code, None);
            }
        }
    }

    fn note_partition_error(&mut self, code: RDKafkaErrorCode, topic: &str, partition: i32) {
        self.note_code(code, Some((topic, partition)));
    }

    fn note_code(&mut self, code: RDKafkaErrorCode, place: Option<(&str, i32)>) {
        if error::consume(code) == Fault::Fatal {
            return self.fail(code);
        }
        match code {
            RDKafkaErrorCode::AllBrokersDown => {
                self.health.set_connected(false);
                if self.outage.is_none() {
                    self.outage = Some(Instant::now());
                    warn!("no Kafka broker can be reached: nothing is received until one is back");
                }
            }
            // Each broker that goes away tells so; it matters once all have.
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::OperationTimedOut => {
                debug!(%code, "a broker cannot be reached");
            }
            code if self.told.first(code) => {
                let place = place.map(|(topic, partition)| format!("{topic}/{partition}"));
                warn!(%code, place, "receiving fails, and is tried again");
            }
            _ => {}
        }
    }

    fn fail(&mut self, code: RDKafkaErrorCode) {
        let text = match self.client.consumer().client().fatal_error() {
            Some((code, text)) => format!("{code}: {text}"),
            None => code.to_string(),
        };
        self.shared.lock().broken.get_or_insert(Broken(text));
        self.shared.changed.notify_one();
    }

    /// A broker answered. Records are no answer: they may have been fetched before the last broker was lost.
    fn works(&mut self) {
        self.health.set_connected(true);
        if let Some(since) = self.outage.take() {
            info!(seconds = since.elapsed().as_secs(), "a Kafka broker is reached again");
        }
    }

    /// An idle topic tells nothing of a broker that is back: while none is reached, one is asked.
    fn probe(&mut self, now: Instant) {
        if self.health.is_connected() || now < self.probe_at {
            return;
        }
        let found = reach_broker(self.client.consumer().client(), Duration::from_millis(200));
        self.probe_at = Instant::now() + Duration::from_secs(1);
        if found.is_ok() {
            self.works();
        }
    }

    fn close(mut self) {
        let context = Arc::clone(self.client.consumer().client().context());
        context.close();
        self.answer_all();
        self.shared.lock().commits.clear();
        let shared = Arc::clone(&self.shared);
        // Leaves the group, and waits for it.
        drop(self);
        shared.closed.send_replace(true);
    }
}

/// Takes a record in, or finds out why it does not lie where it was expected.
fn take(
    client: &DataConsumer<Context>,
    reading: &mut Reading,
    shared: &Shared,
    index: usize,
    message: &Read<'_>,
) {
    let offset = message.offset();
    match reading.place(index, offset) {
        Place::Next => reading.take(index, message),
        Place::Behind { expected } => {
            let low = client.watermarks(message.topic(), message.partition()).map_or(-1, |(low, _)| low);
            if low > expected {
                error!(
                    topic = message.topic(),
                    partition = message.partition(),
                    from = expected,
                    to = low,
                    "records were deleted before they were handled: raise the topic's retention"
                );
            }
            reading.take(index, message);
        }
        Place::Before => {
            let low = client.watermarks(message.topic(), message.partition()).map_or(-1, |(low, _)| low);
            // Rarely, librdkafka hands out once more what it has handed out before a pause.
            if low == offset {
                begin_anew(reading, shared, index, message);
            }
        }
    }
}

/// The log was deleted and begun anew below the offset expected: what is out of the old one is no longer ours.
fn begin_anew(reading: &mut Reading, shared: &Shared, index: usize, message: &Read<'_>) {
    let Some(old) = reading.assignment(index).cloned() else {
        return;
    };
    error!(
        topic = message.topic(),
        partition = message.partition(),
        offset = message.offset(),
        "the partition begins anew at a lower offset: it is read from there"
    );
    let mut state = shared.lock();
    state.holdings.read(reading.deliveries());
    state.holdings.lose(&[old.slot]);
    let anew = state.holdings.assign([(old.topic, old.partition, Some(message.offset()))]);
    drop(state);
    reading.remove(&[old.slot]);
    reading.add(anew, |_| Offset::Offset(message.offset()));
    if let Some(index) = reading.find(message) {
        reading.take(index, message);
    }
}

fn stray(message: &BorrowedMessage<'_>) -> (String, i32, i64) {
    (message.topic().to_owned(), message.partition(), message.offset())
}
