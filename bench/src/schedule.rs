//! When what is sent at even steps is due, whatever became of what was sent before.

use std::time::Duration;

/// When the `number`th of so many a second is due.
pub(crate) fn due_at(number: u64, rate: u64) -> Duration {
    Duration::from_nanos(u64::try_from(u128::from(number) * NANOS / u128::from(rate)).unwrap_or(u64::MAX))
}

/// How many of so many a second are due after this time; the first is due at once.
pub(crate) fn due_by(time: Duration, rate: u64) -> u64 {
    u64::try_from(u128::from(rate) * time.as_nanos() / NANOS + 1).unwrap_or(u64::MAX)
}

const NANOS: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_even_and_do_not_drift() {
        assert_eq!(due_at(0, 30_000), Duration::ZERO);
        assert_eq!(due_at(1, 30_000), Duration::from_nanos(33_333));
        assert_eq!(due_at(30_000, 30_000), Duration::from_secs(1));
        assert_eq!(due_at(7 * 30_000, 30_000), Duration::from_secs(7));
        assert_eq!(due_at(u64::MAX, 1), Duration::from_nanos(u64::MAX), "as late as can be said");
    }

    #[test]
    fn each_is_due_when_its_time_has_come_and_not_before() {
        for rate in [1, 3, 30_000, 999_999] {
            for number in [1, 7, 89_999] {
                let at = due_at(number, rate);
                assert!(due_by(at + Duration::from_nanos(1), rate) > number);
                assert!(due_by(at.saturating_sub(Duration::from_nanos(1)), rate) <= number);
            }
        }
    }
}
