//! When each record arrived.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::sender::{FIRST_AMOUNT, PROBES};

/// What the receiving side notes, from any thread and without a lock.
#[derive(Debug)]
pub(super) struct Arrivals {
    begun: OnceLock<Instant>,
    probes: AtomicU64,
    count: AtomicU64,
    /// Nanoseconds from the beginning on, by number; 0 is none yet.
    times: Box<[AtomicU64]>,
}

impl Arrivals {
    /// Takes the times of the first `numbers` records, and counts those behind them.
    pub(super) fn new(numbers: u64) -> Self {
        Self {
            begun: OnceLock::new(),
            probes: AtomicU64::new(0),
            count: AtomicU64::new(0),
            times: (0..numbers).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The time from which on all is counted is now.
    pub(super) fn begin(&self) -> Instant {
        *self.begun.get_or_init(Instant::now)
    }

    /// A record with this amount is here. One that comes again is not counted.
    pub(super) fn note(&self, amount: u64) {
        if amount <= PROBES {
            self.probes.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let number = amount.saturating_sub(FIRST_AMOUNT);
        let place = usize::try_from(number).ok().and_then(|number| self.times.get(number));
        if let (Some(place), Some(begun)) = (place, self.begun.get()) {
            let now = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
            if place.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                return;
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn probes(&self) -> u64 {
        self.probes.load(Ordering::Relaxed)
    }

    /// How many arrived, probes left out.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The numbers that arrived, and when.
    pub(super) fn times(&self) -> impl Iterator<Item = (u64, Duration)> {
        let times = (0..).zip(&self.times).map(|(number, time)| (number, time.load(Ordering::Relaxed)));
        times.filter(|(_, time)| *time > 0).map(|(number, time)| (number, Duration::from_nanos(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_repeats_and_what_has_no_place_are_told_apart() {
        let arrivals = Arrivals::new(2);
        arrivals.note(1);
        arrivals.note(PROBES);
        assert_eq!((arrivals.probes(), arrivals.count()), (2, 0));

        arrivals.begin();
        arrivals.note(FIRST_AMOUNT + 1);
        let first = arrivals.times().next();
        assert_eq!(first.map(|(number, _)| number), Some(1));
        arrivals.note(FIRST_AMOUNT + 1);
        assert_eq!((arrivals.count(), arrivals.times().next()), (1, first), "it came again");

        arrivals.note(FIRST_AMOUNT + 2);
        assert_eq!((arrivals.count(), arrivals.times().count()), (2, 1), "counted, though it has no place");
    }
}
