//! When failures are an outage.

use std::time::Duration;

/// When a destination counts as down, and how it is probed.
///
/// Failures that may pass (transient, unknown) begin a *storm* once records of ten keys in a row failed, or half of the
/// last hundred to two hundred attempts, of at least ten keys. However often one key fails, it counts once; where order is not by key, or
/// a record has none, each record counts for itself. From then on nothing of the destination is dead-lettered and nothing
/// started, save one delivery at a time as a probe: after 1 s, then after pauses that double up to 30 s. Failures in a
/// storm use up no attempts. The first probe that succeeds ends it. One that fails for good, or by a panic, is about its
/// record: that is dead-lettered, and another delivery probes at once.
///
/// What a storm holds back counts against the pipeline's bounds. When they are reached, nothing more is received, for other
/// destinations neither: one that has to go on through a long outage of another takes a pipeline and a group of its
/// own. And where nothing but records of ten bad keys is held, no probe succeeds: that is a storm until they are handled,
/// which [`health`](crate::PipelineHandle::health) tells as not progressing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StormPolicy {
    pub(super) lanes: u32,
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
            lanes: 10,
            percent: 50,
            window: 100,
            probe_first: Duration::from_secs(1),
            probe_max: Duration::from_secs(30),
        }
    }

    /// Never: each record's failures are its own, and an outage ends in dead letters.
    #[must_use]
    pub const fn off() -> Self {
        Self::new().with_keys(u32::MAX)
    }

    /// Of how many keys records must fail, without a success in between or within the share's attempts. 1 to 10,000, default
    /// 10: with fewer payers than that, an outage cannot be told from their records.
    #[must_use]
    pub const fn with_keys(mut self, keys: u32) -> Self {
        self.lanes = keys;
        self
    }

    /// What share of the last attempts, in percent, must fail. 1 to 100, default 50; `attempts` is how many there must have
    /// been, 10 or more, default 100. Up to twice as many are looked back at.
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
        if !(1..=10_000).contains(&self.lanes) && !self.is_off() {
            return Some("has keys that are not within 1 to 10,000: lower them, or take StormPolicy::off()");
        }
        if !(1..=100).contains(&self.percent) || !(10..=1_000_000).contains(&self.window) {
            return Some("has a share that is not within 1 to 100 percent of 10 to 1,000,000 attempts");
        }
        if self.probe_first.is_zero() || self.probe_max < self.probe_first || self.probe_max > Self::DAY {
            return Some("has probes that are not within 0 < first <= longest <= a day");
        }
        None
    }

    pub(super) const fn is_off(&self) -> bool {
        self.lanes == u32::MAX
    }

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Default for StormPolicy {
    fn default() -> Self {
        Self::new()
    }
}
