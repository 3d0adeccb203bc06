//! When a call that failed is repeated. Pure.

use std::time::{Duration, Instant};

use crate::error::{Error, Fault};

/// The longest pause that a failure may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// A call that is repeated after it failed.
#[derive(Debug)]
pub(super) struct Repeats {
    failures: u32,
    next_at: Instant,
}

impl Repeats {
    pub(super) const fn new(now: Instant) -> Self {
        Self { failures: 0, next_at: now }
    }

    /// Not to be called before then.
    pub(super) const fn next_at(&self) -> Instant {
        self.next_at
    }

    pub(super) const fn hold_until(&mut self, at: Instant) {
        self.next_at = at;
    }

    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Whether it is the first failure after a success.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.next_at = now + pause(self.failures);
        self.failures == 1
    }
}

/// The pause after a number of failures: doubling from 0.1 s to 30 s.
pub(super) fn pause(failures: u32) -> Duration {
    let doubled = Duration::from_millis(100).saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(Duration::from_secs(30))
}

/// The pause that a failure asks for, within bounds.
pub(super) fn asked_for(error: &Error) -> Duration {
    match error.fault() {
        Fault::Transient { retry_after: Some(after) } => after.min(RETRY_AFTER_MAX),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_bounded() {
        assert_eq!([1, 2, 3].map(pause), [100, 200, 400].map(Duration::from_millis));
        assert_eq!([pause(20), pause(u32::MAX)], [Duration::from_secs(30); 2]);
        let asked = |seconds| {
            asked_for(&Error::new(
                Fault::Transient { retry_after: Some(Duration::from_secs(seconds)) },
                "send",
            ))
        };
        assert_eq!((asked(7), asked(u64::MAX)), (Duration::from_secs(7), RETRY_AFTER_MAX));
        assert_eq!(asked_for(&Error::unknown("send")), Duration::ZERO);
    }
}
