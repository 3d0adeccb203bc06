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
