//! When to commit. Pure.

use std::time::{Duration, Instant};

use super::pause;

/// By time and by number; one at a time; again after a failure.
#[derive(Debug)]
pub(super) struct Commits {
    interval: Duration,
    records: usize,
    /// What may have moved what there is to commit, since the last commit began.
    moves: usize,
    /// The moves before it began, if one runs.
    running: Option<usize>,
    failures: u32,
    /// When the first of these failures was, and whether they were told.
    failing: Option<Failing>,
    /// Not before then.
    next_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    since: Instant,
    told: bool,
}

/// A commit that fails for less long is nothing for a person: it happens when members come and go, and the next one
/// makes up for it.
const TOLD_AFTER: Duration = Duration::from_secs(10);

impl Commits {
    pub(super) const fn new(interval: Duration, records: usize, now: Instant) -> Self {
        Self { interval, records, moves: 0, running: None, failures: 0, failing: None, next_at: now }
    }

    /// So many records were finished, or ends reached.
    pub(super) const fn moved(&mut self, moves: usize) {
        self.moves += moves;
    }

    /// Whether to start one now; then it runs. `last` waits for no interval.
    pub(super) fn start(&mut self, now: Instant, last: bool) -> bool {
        let due = self.next_at <= now || (self.moves >= self.records && self.failures == 0);
        let starts = self.running.is_none() && self.moves > 0 && (due || (last && self.failures == 0));
        if starts {
            self.running = Some(std::mem::take(&mut self.moves));
        }
        starts
    }

    /// How many had failed before it, if that was told.
    pub(super) fn succeeded(&mut self, now: Instant) -> Option<u32> {
        self.running = None;
        self.next_at = now + self.interval;
        let failures = std::mem::take(&mut self.failures);
        self.failing.take().filter(|failing| failing.told).map(|_| failures)
    }

    /// Says whether to tell that commits fail: once, when they have for a while.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.moves += self.running.take().unwrap_or(0);
        self.failures = self.failures.saturating_add(1);
        self.next_at = now + pause(self.failures);
        let failing = self.failing.get_or_insert(Failing { since: now, told: false });
        let tells = !failing.told && now.saturating_duration_since(failing.since) >= TOLD_AFTER;
        failing.told |= tells;
        tells
    }

    /// Nobody waits for the running one any longer.
    pub(super) fn abandoned(&mut self) {
        self.moves = 0;
        self.running = None;
    }

    /// Whether everything finished is durable.
    pub(super) const fn is_clean(&self) -> bool {
        self.moves == 0 && self.running.is_none()
    }

    /// When [`start`](Self::start) may say yes, without anything else happening.
    pub(super) fn due_at(&self) -> Option<Instant> {
        (self.running.is_none() && self.moves > 0).then_some(self.next_at)
    }
}
