//! When to receive. Pure.

use std::time::Instant;

use super::pause;

/// Always, save for a while after a failure, and never again once the consumer is unusable or its source has ended.
#[derive(Debug, Default)]
pub(super) struct Receives {
    failures: u32,
    again_at: Option<Instant>,
    over: bool,
}

impl Receives {
    pub(super) fn are_due(&self, now: Instant) -> bool {
        !self.over && self.again_at.is_none_or(|at| at <= now)
    }

    /// When they are due again, if they are not.
    pub(super) const fn due_at(&self) -> Option<Instant> {
        if self.over { None } else { self.again_at }
    }

    /// How many had failed before it.
    pub(super) const fn succeeded(&mut self) -> u32 {
        self.again_at = None;
        std::mem::replace(&mut self.failures, 0)
    }

    /// How many have failed in a row.
    pub(super) fn failed(&mut self, now: Instant) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.again_at = Some(now + pause(self.failures));
        self.failures
    }

    /// The time has come.
    pub(super) fn resume(&mut self, now: Instant) {
        self.again_at = self.again_at.filter(|at| *at > now);
    }

    pub(super) const fn end(&mut self) {
        self.over = true;
    }
}
