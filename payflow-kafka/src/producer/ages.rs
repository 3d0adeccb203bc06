//! How old the oldest undecided record of a client is, told by sixteen counters.

use std::array;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Undecided records, counted by the turn of the clock in which they came.
pub(super) struct Ages {
    undecided: [AtomicUsize; TURNS],
    now: AtomicUsize,
}

/// The turn in which a record came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn(usize);

impl Ages {
    pub(super) fn new() -> Self {
        Self { undecided: array::from_fn(|_| AtomicUsize::new(0)), now: AtomicUsize::new(0) }
    }

    /// A record comes.
    pub(super) fn enter(&self) -> Turn {
        let turn = Turn(self.now.load(Ordering::Relaxed));
        self.of(turn).fetch_add(1, Ordering::Relaxed);
        turn
    }

    /// A record that came in this turn is decided.
    pub(super) fn leave(&self, turn: Turn) {
        self.of(turn).fetch_sub(1, Ordering::Relaxed);
    }

    /// A turn of the clock is over. `false`, and nothing changes, while a record is undecided that has seen [`TURNS`] of
    /// them or all but one. To be called by one thread.
    pub(super) fn turn(&self) -> bool {
        let next = Turn(self.now.load(Ordering::Relaxed).wrapping_add(1) % TURNS);
        let passed = self.of(next).load(Ordering::Relaxed) == 0;
        if passed {
            self.now.store(next.0, Ordering::Relaxed);
        }
        passed
    }

    fn of(&self, turn: Turn) -> &AtomicUsize {
        // Every turn was taken from `now`, which is below.
        &self.undecided[turn.0 % TURNS]
    }
}

/// How many turns of the clock make a record too old.
pub(super) const TURNS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_in_time_lets_the_clock_turn_for_ever() {
        let ages = Ages::new();
        for _ in 0..10 * TURNS {
            let (first, second) = (ages.enter(), ages.enter());
            assert!(ages.turn());
            ages.leave(second);
            ages.leave(first);
        }
    }

    #[test]
    fn the_clock_stands_still_before_a_record_that_has_seen_all_turns() {
        for before in 0..TURNS {
            let ages = Ages::new();
            (0..before).for_each(|_| assert!(ages.turn()));
            let old = ages.enter();
            for _ in 1..TURNS {
                assert!(ages.turn());
                let young = ages.enter();
                ages.leave(young);
            }
            assert!(!ages.turn() && !ages.turn());
            ages.leave(old);
            assert!(ages.turn());
        }
    }

    #[test]
    fn each_record_counts_however_many_came_with_it() {
        let ages = Ages::new();
        let turns: Vec<Turn> = (0..3).map(|_| ages.enter()).collect();
        (1..TURNS).for_each(|_| assert!(ages.turn()));
        for turn in turns {
            assert!(!ages.turn());
            ages.leave(turn);
        }
        assert!(ages.turn());
    }
}
