//! The random source of the pure modules: seeded, so that a seed repeats a run.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014). Spreads delays; nothing secret is drawn from it.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `delay`, moved by up to a fifth either way.
    pub(super) fn spread(&mut self, delay: Duration) -> Duration {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX / 2);
        let fifth = nanos / 5;
        Duration::from_nanos(nanos - fifth + self.next() % (2 * fifth + 1))
    }
}
