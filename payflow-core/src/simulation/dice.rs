//! The one source of chance of a run.

use std::time::Duration;

use crate::pipeline::Random;

/// Draws from one seed.
#[derive(Debug)]
pub(super) struct Dice(Random);

impl Dice {
    pub(super) const fn seeded(seed: u64) -> Self {
        Self(Random::seeded(seed))
    }

    /// A seed for something else.
    pub(super) const fn seed(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `end`; 0 if that is 0.
    pub(super) const fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            return 0;
        }
        // Below `end`, a usize.
        (self.0.next() % end as u64) as usize
    }

    pub(super) const fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub(super) const fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) const fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) const fn millis(&mut self, least: usize, most: usize) -> Duration {
        Duration::from_millis(self.within(least, most) as u64)
    }

    /// One of them.
    pub(super) const fn pick<T: Copy, const N: usize>(&mut self, among: [T; N]) -> T {
        among[self.below(N)]
    }
}
