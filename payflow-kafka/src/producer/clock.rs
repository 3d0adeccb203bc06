//! When the turns are over by which a client's records grow old, and how long its events are served until then.

use std::time::{Duration, Instant};

/// Turns of equal length, one after the other.
pub(super) struct Clock {
    turn: Duration,
    /// When the last turn was over.
    turned: Instant,
}

impl Clock {
    pub(super) fn new(turn: Duration, now: Instant) -> Self {
        Self { turn, turned: now }
    }

    /// Whether a turn is over. The next one begins when it ended, however late one asks: what each turn is late would add
    /// up over all that a record has.
    pub(super) fn turn_is_over(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.turned);
        if passed < self.turn {
            return false;
        }
        // Where more than a turn was missed none is made up for: records that came meanwhile would be taken for older ones.
        self.turned = if passed < 2 * self.turn { self.turned + self.turn } else { now };
        true
    }

    /// How long events are served until one asks again: it does not return early.
    pub(super) fn serves(&self, now: Instant) -> Duration {
        SERVE.min(self.turn.saturating_sub(now.saturating_duration_since(self.turned)))
    }
}

/// How long an idle producer's thread outlives it, and a lost connection goes unasked about.
pub(super) const SERVE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const TURNS: u32 = 16;

    /// How long so many turns take one who serves as long as the clock says, and is late each time.
    fn turns_take(turn: Duration, late: Duration) -> Duration {
        let began = Instant::now();
        let (mut now, mut clock, mut turns) = (began, Clock::new(turn, began), 0);
        while turns < TURNS {
            now += clock.serves(now) + late;
            turns += u32::from(clock.turn_is_over(now));
        }
        now - began
    }

    #[test]
    fn turns_add_up_to_what_they_are() {
        for turn in [20, 23, 99, 100, 101, 199, 410, 200_000] {
            let turn = turn * MS;
            assert_eq!(turns_take(turn, Duration::ZERO), TURNS * turn);
            // Late is only the last of them.
            for late in [MS, 10 * MS] {
                let took = turns_take(turn, late);
                assert!((TURNS * turn..=TURNS * turn + late).contains(&took), "{turn:?}: {took:?}");
            }
        }
    }

    #[test]
    fn events_are_served_until_the_turn_is_over_and_no_longer() {
        let began = Instant::now();
        let clock = Clock::new(250 * MS, began);
        for (passed, serves) in [(0, 100), (149, 100), (151, 99), (200, 50), (250, 0), (300, 0)] {
            assert_eq!(clock.serves(began + passed * MS), serves * MS, "after {passed} ms");
        }
    }

    #[test]
    fn turns_that_were_missed_are_not_made_up_for() {
        let began = Instant::now();
        let mut clock = Clock::new(100 * MS, began);
        assert!(!clock.turn_is_over(began + 99 * MS));
        assert!(clock.turn_is_over(began + 550 * MS));
        assert!(!clock.turn_is_over(began + 649 * MS));
        assert!(clock.turn_is_over(began + 650 * MS));
    }
}
