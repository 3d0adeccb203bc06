//! The thread that serves librdkafka: it never waits for a handler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use payflow_core::{AckToken, Error};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;
use tracing::{debug, error, warn};

use super::chunk::{Budget, Copier};
use super::commits::{Commits, Decided, commit_failed};
use super::context::Context;
use super::holdings::Watermark;
use super::placing::{begin_anew, place};
use super::reading::Reading;
use super::rebalance::Step;
use super::shared::{Broken, Shared};
use super::troubles::stray;
use crate::health::KafkaHealth;
use crate::log::Once;
use crate::native::{Batch, DataConsumer};

/// No wait is longer, so that librdkafka's `max.poll.interval.ms` never passes.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// How many records are read ahead of those handed over.
const READ_AHEAD: usize = Batch::MAX;
/// How long the thread waits for librdkafka to take a new position.
const SEEK_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two tries of it.
const SEEK_PAUSE: Duration = Duration::from_millis(100);
/// Before the group is told again where logs begin anew: what may be wrong just then is over by then.
const TELL_PAUSE: Duration = Duration::from_secs(1);

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
    pub(super) health: KafkaHealth,
    /// Since when no broker can be reached.
    pub(super) outage: Option<Instant>,
    /// Errors that were told once, until something works again.
    pub(super) told: Once<RDKafkaErrorCode>,
    pub(super) probe_at: Instant,
    /// No question for ends before.
    pub(super) ends_at: Instant,
    /// No look at the ends of logs before.
    pub(super) look_at: Instant,
    /// When the group is to be told again where logs begin anew, if it may not know.
    tell_places_at: Option<Instant>,
}

/// Who waits for a commit.
pub(super) enum Reply {
    Owner(oneshot::Sender<Result<(), Error>>),
    /// The partitions that are asked back are let go after it.
    LettingGo,
    /// It tells the group where logs begin anew, unasked.
    Nobody,
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
            ends_at: Instant::now(),
            look_at: Instant::now(),
            tell_places_at: None,
        }
    }

    /// Runs until the owner wants no more, then leaves the group.
    pub(super) fn run(mut self) {
        self.shared.waker.set_thread(thread::current());
        let turning = || {
            while !self.shared.lock().closing {
                self.turn();
            }
        };
        // Unwinding would drop the client unasked, which then waits for ever for a rebalance that nobody answers.
        if catch_unwind(AssertUnwindSafe(turning)).is_err() {
            error!(
                "the thread that serves Kafka panicked: nothing more is received; this is a bug in payflow"
            );
            let panicked = || Broken("the thread that serves it panicked".to_owned());
            self.shared.lock().broken.get_or_insert_with(panicked);
            self.health.end();
        }
        self.close();
    }

    fn turn(&mut self) {
        self.serve();
        self.take_commits();
        self.tell_places_again();
        let busy = self.follow();
        self.probe();
        self.release();
        self.settle();
        self.note_log_ends();
        let read = self.read();
        if read == 0 && !busy {
            self.advance();
            thread::park_timeout(self.wait());
        }
    }

    fn wait(&self) -> Duration {
        let until_next = self.step.wake_at().map(|at| at.saturating_duration_since(Instant::now()));
        let longest = if self.reading.is_unsettled() { SEEK_PAUSE } else { WAIT_MAX };
        until_next.map_or(longest, |wait| wait.min(longest))
    }

    /// Leaves the group.
    fn close(mut self) {
        let consumer = self.client.consumer();
        consumer.client().context().close();
        self.answer_all();
        // Without it a member that holds no partition would leave by its session timeout alone.
        self.client.consumer().unsubscribe();
        let mut state = self.shared.lock();
        state.ended = true;
        state.commits.clear();
        drop(state);
        self.shared.changed.notify_one();
        let shared = Arc::clone(&self.shared);
        // Waits until the group is left.
        drop(self);
        shared.closed.send_replace(true);
    }

    /// Rebalances, commit results, errors.
    pub(super) fn serve(&mut self) {
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

    fn decided(&mut self, decided: Decided<Reply>) {
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
            Reply::Nobody => {
                debug!(outcome = ?decided.outcome, "the places where logs begin anew were committed");
                self.tell_places_at = Some(Instant::now() + TELL_PAUSE);
            }
        }
    }

    /// Tells the group again where logs begin anew, if it is time.
    fn tell_places_again(&mut self) {
        if self.tell_places_at.take_if(|at| *at <= Instant::now()).is_some() {
            self.tell_places();
        }
    }

    /// Tells the group where logs begin anew, if it may not know. The owner may ask for no commit before something has finished.
    fn tell_places(&mut self) {
        let places = self.shared.lock().holdings.untold_places();
        if !places.is_empty() {
            self.commit(places, Reply::Nobody);
        }
    }

    /// Starts the commits that the owner asked for.
    pub(super) fn take_commits(&mut self) {
        let requests = std::mem::take(&mut self.shared.lock().commits);
        for request in requests {
            self.commit(request.watermarks, Reply::Owner(request.reply));
        }
    }

    /// Starts a commit; its result comes by the main queue.
    pub(super) fn commit(&mut self, mut watermarks: Vec<Watermark>, reply: Reply) {
        let gone = self.shared.lock().holdings.begin_commit(&mut watermarks);
        if watermarks.is_empty() {
            let late = || Error::transient("commit").because("the partitions were let go before it began");
            let outcome = if gone { Err(late()) } else { Ok(()) };
            return self.decided(Decided { durable: Vec::new(), outcome, reply });
        }
        let mut list = TopicPartitionList::with_capacity(watermarks.len());
        let added = watermarks.iter().try_for_each(|watermark| {
            let mut added = list.add_partition(watermark.topic.as_str(), watermark.partition);
            added.set_metadata(&watermark.committed.metadata);
            added.set_offset(Offset::Offset(watermark.committed.offset))
        });
        match added.and_then(|()| self.client.commit(&list)) {
            Ok(()) => self.commits.begin(watermarks, reply, Instant::now()),
            Err(error) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.decided(Decided { durable: Vec::new(), outcome: Err(commit_failed(code)), reply });
            }
        }
    }

    /// Reads what there is room for, and says how many messages there were.
    fn read(&mut self) -> usize {
        let max = self.room();
        if max == 0 {
            return 0;
        }
        let Self { client, batch, reading, told, .. } = self;
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
            place(client, reading, index, &message);
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
        let bytes = self.reading.take_read_bytes();
        let Self { reading, shared, .. } = self;
        if !reading.deliveries().is_empty() {
            // A batch of larger ones than before is noticed at once, one of smaller ones by and by.
            self.record_bytes = (bytes / records.max(1)).max(self.record_bytes * 3 / 4).max(1);
        } else if !reading.begins_anew() {
            return;
        }
        let begins_anew = reading.begins_anew();
        let mut state = shared.lock();
        let held_back = state.holdings.read(reading.deliveries());
        begin_anew(reading, &mut state.holdings);
        drop(state);
        self.shared.changed.notify_one();
        if !held_back.is_empty() {
            // A token of a log that is gone finds nothing to hold back.
            self.hold_back(&held_back);
        }
        if begins_anew {
            self.tell_places();
        }
    }

    /// These partitions have so much unfinished that a commit could not say what is finished: they alone are paused.
    fn hold_back(&mut self, first: &[AckToken]) {
        let mut list = TopicPartitionList::with_capacity(first.len());
        for token in first {
            if let Some(assignment) = self.reading.hold_back(*token) {
                list.add_partition(assignment.topic.as_str(), assignment.partition);
            }
        }
        if let Err(error) = self.client.consumer().pause(&list) {
            debug!(%error, "a partition that is held back cannot be paused, and is read in vain");
        }
    }

    /// Lets partitions go on that were held back.
    fn release(&mut self) {
        let mut state = self.shared.lock();
        let released = state.holdings.released();
        state.holding_back = state.holdings.is_holding_back();
        drop(state);
        if released.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(released.len());
        for assignment in released {
            list.add_partition(assignment.topic.as_str(), assignment.partition);
            self.reading.release(assignment.slot);
        }
        if let Err(error) = self.client.consumer().resume(&list) {
            warn!(%error, "partitions that were held back cannot be resumed: the next rebalance resumes them");
        }
    }

    /// Tells librdkafka where to read on where its own position is wrong.
    fn settle(&mut self) {
        let consumer = self.client.consumer();
        self.reading.settle(|topic, partition, offset| {
            let sought = consumer.seek(topic.as_str(), partition, offset, SEEK_TIMEOUT);
            if let Err(error) = &sought {
                debug!(%topic, partition, ?offset, %error, "reading cannot be set back yet");
            }
            sought.is_ok()
        });
    }
}

#[cfg(test)]
mod tests;
