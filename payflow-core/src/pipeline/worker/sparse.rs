//! Keeps a thousand events that are alike from becoming a thousand log lines. Pure but for its lock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Admits the first event, and then one in each interval, with the number of those between.
#[derive(Debug)]
pub(super) struct Sparse {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    admitted_at: Option<Instant>,
    held_back: u64,
}

impl Sparse {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new(State { admitted_at: None, held_back: 0 }) }
    }

    /// `Some` if this event is to be told, with how many were not since the last that was.
    pub(super) fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.admitted_at.is_some_and(|at| now.saturating_duration_since(at) < self.interval) {
            state.held_back += 1;
            return None;
        }
        state.admitted_at = Some(now);
        Some(std::mem::take(&mut state.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_an_interval_is_told_with_the_number_of_the_others() {
        let sparse = Sparse::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let told: Vec<_> = [0, 1, 2, 9, 10, 11, 30].map(|seconds| sparse.admit(at(seconds))).into();
        assert_eq!(told, [Some(0), None, None, None, Some(3), None, Some(1)]);
    }
}
