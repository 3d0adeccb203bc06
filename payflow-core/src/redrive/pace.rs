//! How many are sent a second. Pure.

use std::time::{Duration, Instant};

/// A timer that is late is caught up with so far.
const CATCH_UP: Duration = Duration::from_millis(20);

/// Spaces sends evenly.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// `rate` a second, which is not 0.
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        Self { interval: Duration::from_secs(1) / rate.max(1), next: now }
    }

    /// When the next may be sent.
    pub(super) const fn next_at(&self) -> Instant {
        self.next
    }

    /// Whether one may be sent now; then it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let may = self.next <= now;
        if may {
            let caught_up = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.next = self.next.max(caught_up) + self.interval;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timers_that_are_a_little_late_cost_nothing_of_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(100, start);
        let mut sent = 0;
        // Each time 7 ms after it was due.
        while pace.next_at() < start + Duration::from_secs(1) {
            assert!(pace.take(pace.next_at() + Duration::from_millis(7)));
            sent += 1;
        }
        assert_eq!(sent, 100);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_however_late_the_timers_are(rate in 1..5_000_u32, gaps in proptest::collection::vec(0..200_u64, 1..200)) {
            let start = Instant::now();
            let mut pace = Pace::new(rate, start);
            let (mut now, mut sent) = (start, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                while pace.take(now) {
                    sent.push(now);
                }
            }
            for (index, from) in sent.iter().enumerate() {
                let window = Duration::from_millis(500);
                let within = sent[index..].iter().take_while(|at| **at < *from + window).count();
                let most = (window + CATCH_UP).as_secs_f64() * f64::from(rate);
                prop_assert!(within as f64 <= most + 1.0, "{within} at {rate} a second");
            }
        }

        #[test]
        fn the_rate_is_reached_when_it_is_asked_at_each_due_time(rate in 1..5_000_u32) {
            let start = Instant::now();
            let mut pace = Pace::new(rate, start);
            let mut sent = 0;
            while pace.next_at() < start + Duration::from_secs(1) {
                let at = pace.next_at();
                prop_assert!(pace.take(at));
                sent += 1;
            }
            prop_assert!(sent == rate || sent == rate + 1, "{sent}");
        }
    }
}
