//! When an attempt that failed is repeated. Pure.

use std::time::Duration;

use super::random::Random;
use crate::error::Fault;

/// How long to wait before each further attempt, and when to give up.
///
/// The schedule is data: its first delay comes before the second attempt, and after the last delay's attempt the record is
/// dead-lettered. Each delay is spread by ±20 %, so that what failed together does not come back together. If the other
/// side asked for a longer pause, it gets it, up to [`RETRY_AFTER_MAX`](Self::RETRY_AFTER_MAX).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    delays: Vec<Duration>,
}

impl RetryPolicy {
    /// The longest pause that a failure may ask for.
    pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

    /// One attempt, then these delays, each followed by another attempt.
    #[must_use]
    pub fn new(delays: impl IntoIterator<Item = Duration>) -> Self {
        Self { delays: delays.into_iter().collect() }
    }

    /// The first attempt is the only one.
    #[must_use]
    pub const fn never() -> Self {
        Self { delays: Vec::new() }
    }

    /// The delays, in order.
    #[must_use]
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// How many attempts there are in all.
    #[must_use]
    pub fn attempts_max(&self) -> usize {
        self.delays.len() + 1
    }

    /// What follows the failure of attempt number `attempt` (from 1).
    pub(super) fn decide(&self, fault: Fault, attempt: u32, random: &mut Random) -> Decision {
        let retry_after = match fault {
            Fault::Transient { retry_after } => retry_after.unwrap_or_default(),
            Fault::Unknown => Duration::ZERO,
            Fault::Permanent | Fault::Fatal => return Decision::GiveUp,
        };
        let index = attempt.saturating_sub(1) as usize;
        self.delays.get(index).map_or(Decision::GiveUp, |delay| {
            Decision::After(random.spread(*delay).max(retry_after.min(Self::RETRY_AFTER_MAX)))
        })
    }
}

impl Default for RetryPolicy {
    /// Six attempts over about a minute: 0.2 s, 1 s, 5 s, 15 s, 30 s.
    fn default() -> Self {
        Self::new([200, 1_000, 5_000, 15_000, 30_000].map(Duration::from_millis))
    }
}

/// What is done after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Attempt again when so much time has passed.
    After(Duration),
    /// Dead-letter the record.
    GiveUp,
}

/// The pause before publication number `failures + 1` of a dead letter: doubling from 0.1 s to 30 s, without end.
pub(super) fn dead_letter_pause(failures: u32, random: &mut Random) -> Duration {
    let doubled = Duration::from_millis(100).saturating_mul(1 << failures.saturating_sub(1).min(16));
    random.spread(doubled.min(Duration::from_secs(30)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRANSIENT: Fault = Fault::Transient { retry_after: None };

    #[test]
    fn a_schedule_of_n_delays_gives_n_plus_one_attempts() {
        let policy = RetryPolicy::new([Duration::from_secs(1); 3]);
        let mut random = Random::seeded(1);
        let again =
            |attempt, random: &mut Random| policy.decide(TRANSIENT, attempt, random) != Decision::GiveUp;
        assert!(again(1, &mut random) && again(2, &mut random) && again(3, &mut random));
        assert!(!again(4, &mut random));
        assert_eq!(RetryPolicy::never().decide(TRANSIENT, 1, &mut random), Decision::GiveUp);
    }

    #[test]
    fn permanent_and_fatal_are_not_repeated_and_unknown_is() {
        let policy = RetryPolicy::default();
        let mut random = Random::seeded(1);
        assert_eq!(policy.decide(Fault::Permanent, 1, &mut random), Decision::GiveUp);
        assert_eq!(policy.decide(Fault::Fatal, 1, &mut random), Decision::GiveUp);
        assert!(matches!(policy.decide(Fault::Unknown, 1, &mut random), Decision::After(_)));
    }

    #[test]
    fn a_longer_pause_that_was_asked_for_is_kept_within_bounds() {
        let policy = RetryPolicy::new([Duration::from_millis(10)]);
        let mut random = Random::seeded(1);
        let mut after = |seconds| {
            let fault = Fault::Transient { retry_after: Some(Duration::from_secs(seconds)) };
            policy.decide(fault, 1, &mut random)
        };
        assert_eq!(after(7), Decision::After(Duration::from_secs(7)));
        assert_eq!(after(1_000_000), Decision::After(RetryPolicy::RETRY_AFTER_MAX));
    }

    proptest! {
        #[test]
        fn delays_stay_within_a_fifth_of_the_schedule(seed: u64, millis in 1..100_000_u64, attempt in 1..4_u32) {
            let delay = Duration::from_millis(millis);
            let Decision::After(after) = RetryPolicy::new([delay; 3]).decide(Fault::Unknown, attempt, &mut Random::seeded(seed)) else {
                panic!("gave up");
            };
            prop_assert!(after >= delay.mul_f64(0.8) && after <= delay.mul_f64(1.2), "{after:?}");
        }

        #[test]
        fn publications_are_repeated_without_end_and_with_bounded_pauses(seed: u64, failures: u32) {
            let pause = dead_letter_pause(failures, &mut Random::seeded(seed));
            prop_assert!(pause >= Duration::from_millis(80) && pause <= Duration::from_secs(36));
        }
    }
}
