//! When failures are an outage.

use std::time::Duration;

use super::Recent;

/// When a destination counts as down, and how it is probed.
///
/// Failures that may pass (transient, unknown) begin a *storm* once ten records in a row failed, or half of the last
/// hundred attempts, by at least ten records. From then on nothing of the destination is dead-lettered and nothing
/// started, save one delivery at a time as a probe: after 1 s, then after pauses that double up to 30 s. Failures in a storm use up no
/// attempts. The first probe that succeeds ends it. One that fails for good, or by a panic, is about its record: that is
/// dead-lettered, and another delivery probes at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StormPolicy {
    pub(super) run: u32,
    pub(super) percent: u32,
    pub(super) window: u32,
    pub(super) probe_first: Duration,
    pub(super) probe_max: Duration,
}

impl StormPolicy {
    /// The defaults, as above.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            run: 10,
            percent: 50,
            window: 100,
            probe_first: Duration::from_secs(1),
            probe_max: Duration::from_secs(30),
        }
    }

    /// Never: each record's failures are its own, and an outage ends in dead letters.
    #[must_use]
    pub const fn off() -> Self {
        Self::new().with_run(u32::MAX)
    }

    /// How many records must fail, without a success in between or within the share's attempts. 1 or more, default 10.
    #[must_use]
    pub const fn with_run(mut self, records: u32) -> Self {
        self.run = records;
        self
    }

    /// What share of the last attempts, in percent, must fail. 1 to 100, default 50; `attempts` is how many there must have
    /// been, 10 or more, default 100.
    #[must_use]
    pub const fn with_share(mut self, percent: u32, attempts: u32) -> Self {
        self.percent = percent;
        self.window = attempts;
        self
    }

    /// The pause before the first probe, and the longest between two. Above zero, at most a day; default 1 s and 30 s.
    #[must_use]
    pub const fn with_probes(mut self, first: Duration, longest: Duration) -> Self {
        self.probe_first = first;
        self.probe_max = longest;
        self
    }

    /// What cannot work, and the remedy.
    pub(in crate::pipeline) fn problem(&self) -> Option<&'static str> {
        if self.run == 0 {
            return Some("has a run of 0 records: set it to 1 or more, or take StormPolicy::off()");
        }
        if !(1..=100).contains(&self.percent) || !(10..=1_000_000).contains(&self.window) {
            return Some("has a share that is not within 1 to 100 percent of 10 to 1,000,000 attempts");
        }
        if self.probe_first.is_zero() || self.probe_max < self.probe_first || self.probe_max > Self::DAY {
            return Some("has probes that are not within 0 < first <= longest <= a day");
        }
        None
    }

    pub(super) fn is_reached(&self, run: u32, recent: &Recent) -> bool {
        let by_run = run >= self.run;
        let share = recent.failures.saturating_mul(100) >= recent.attempts * u64::from(self.percent);
        let by_share = recent.attempts >= u64::from(self.window) && share;
        by_run || (by_share && recent.records >= u64::from(self.run))
    }

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Default for StormPolicy {
    fn default() -> Self {
        Self::new()
    }
}
