//! Ends of partitions: what librdkafka passed without a record, and where there is nothing to read.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use tracing::debug;

use super::placing::tell_deleted;
use super::poll_thread::PollThread;
use super::reading::Reached;

/// How long one question for ends may take: the thread waits for the answer.
const END_TIMEOUT: Duration = Duration::from_millis(500);
/// Between two such questions.
const END_PAUSE: Duration = Duration::from_secs(5);
/// Between two looks at what librdkafka knows of the ends of logs, for who asks how far reading is behind.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

impl PollThread {
    /// The data queue is empty: what librdkafka has passed without a record closes gaps, and ends may be reached.
    pub(super) fn advance(&mut self) {
        if !self.client.positions(self.reading.list()) {
            return;
        }
        self.tell_reached();
        if self.confirm_ends() {
            self.tell_reached();
        }
    }

    /// Now and then: where the logs end, as the last fetch of each told.
    pub(super) fn note_log_ends(&mut self) {
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_INTERVAL;
        let Self { client, reading, shared, .. } = self;
        let known = reading.assignments().filter_map(|assignment| {
            let (_, end) = client.watermarks(assignment.topic.as_str(), assignment.partition)?;
            Some((assignment, end))
        });
        // Asked before the lock is taken: what others wait for is only written down under it.
        let known: Vec<_> = known.collect();
        let mut state = shared.lock();
        for (assignment, end) in known {
            state.holdings.note_log_end(assignment.slot, assignment.generation, end);
        }
    }

    fn tell_reached(&mut self) {
        let Self { client, reading, shared, .. } = self;
        let mut told = false;
        let watermarks = |topic: &str, partition| client.watermarks(topic, partition);
        reading.advance(watermarks, |assignment, Reached { position, at_end, deleted_from }| {
            if let Some(from) = deleted_from {
                tell_deleted(assignment.topic.as_str(), assignment.partition, from, position);
            }
            shared.lock().holdings.reach(assignment.slot, assignment.generation, position, at_end);
            told |= at_end;
        });
        if told {
            shared.changed.notify_one();
        }
    }

    /// Asks the brokers for the ends that librdkafka knows of an earlier assignment alone: it does not tell of a fetch that
    /// brought nothing new. Says whether there was an answer.
    fn confirm_ends(&mut self) -> bool {
        let now = Instant::now();
        if now < self.ends_at || !self.health.is_connected() {
            return false;
        }
        let Some(asked) = self.reading.unconfirmed() else {
            return false;
        };
        let answered = self.client.consumer().offsets_for_times(asked, END_TIMEOUT);
        if let Err(error) = &answered {
            debug!(%error, "ends of partitions cannot be asked for yet");
        }
        let all = answered.as_ref().is_ok_and(|ends| self.reading.confirm(ends));
        if !all {
            self.ends_at = now + END_PAUSE;
        }
        answered.is_ok()
    }
}
