//! What a redrive has done so far, and in the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::choice::LeftOut;

/// So many records are told of one by one.
const NOTES_MAX: usize = 100;

/// What a redrive did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct RedriveReport {
    /// Why it ended.
    pub end: RedriveEnd,
    /// What it counted.
    pub counts: RedriveCounts,
    /// Records that somebody should look at: those that could not be sent, and those left out for what they are. The
    /// first 100.
    pub notes: Vec<RedriveNote>,
}

/// Why a redrive ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedriveEnd {
    /// Everything that was there was looked at.
    Complete,
    /// The [limit](crate::RedriveConfig::with_limit) is reached. There may be more.
    Limit,
    /// It was told to.
    ShutDown,
    /// Nothing came for the [idle timeout](crate::RedriveConfig::with_idle_timeout), though there should be more.
    Stalled {
        /// How many partitions it held. None: another member of the group has them.
        partitions: usize,
        /// Those of them that it could not read to their end: they do not answer, or so much of them was left out that a
        /// commit could not tell what was finished behind it.
        not_done: Vec<i32>,
    },
}

/// Records of the dead-letter topic, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedriveCounts {
    /// Looked at.
    pub seen: u64,
    /// Meant to be sent.
    pub selected: u64,
    /// Sent, and durable.
    pub sent: u64,
    /// Refused for good by the topic they were to go to; they stay.
    pub failed: u64,
    /// Sends that failed and were repeated.
    pub repeated: u64,
    left_out: [u64; LeftOut::ALL.len()],
}

impl RedriveCounts {
    /// Left out for this reason; they stay.
    #[must_use]
    pub fn left_out(&self, reason: LeftOut) -> u64 {
        let of = LeftOut::ALL.iter().zip(self.left_out).find(|(other, _)| **other == reason);
        of.map_or(0, |(_, count)| count)
    }
}

/// A record that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedriveNote {
    /// Its partition of the dead-letter topic.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Why it was not sent, in words.
    pub reason: String,
}

/// A look into a redrive, while it runs and afterwards. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RedriveHandle(Arc<Gauges>);

impl RedriveHandle {
    pub(super) const fn new(gauges: Arc<Gauges>) -> Self {
        Self(gauges)
    }

    /// What it has counted so far.
    #[must_use]
    pub fn counts(&self) -> RedriveCounts {
        self.0.lock().counts
    }

    /// What fails just now and is repeated, in one line; `None` while all goes well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.lock().trouble.clone()
    }
}

/// What the redrive writes and the handle reads.
#[derive(Debug, Default)]
pub(super) struct Gauges(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counts: RedriveCounts,
    trouble: Option<String>,
    notes: Vec<RedriveNote>,
}

impl Gauges {
    pub(super) fn count(&self, change: impl FnOnce(&mut RedriveCounts)) {
        change(&mut self.lock().counts);
    }

    pub(super) fn left_out(&self, reason: LeftOut, partition: i32, offset: i64) {
        let mut state = self.lock();
        let counts = LeftOut::ALL.iter().zip(&mut state.counts.left_out);
        for (_, count) in counts.filter(|(other, _)| **other == reason) {
            *count += 1;
        }
        if reason.is_notable() {
            state.note(partition, offset, reason.to_string());
        }
    }

    pub(super) fn failed(&self, partition: i32, offset: i64, reason: String) {
        let mut state = self.lock();
        state.counts.failed += 1;
        state.note(partition, offset, reason);
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        self.lock().trouble = trouble;
    }

    pub(super) fn report(&self, end: RedriveEnd) -> RedriveReport {
        let state = self.lock();
        RedriveReport { end, counts: state.counts, notes: state.notes.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts have no state between that a panic could leave.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, partition: i32, offset: i64, reason: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(RedriveNote { partition, offset, reason });
        }
    }
}
