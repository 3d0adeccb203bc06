//! Tells an outage from a bad record: normal, then probing, then normal. Pure.

mod policy;
mod watch;

use std::time::{Duration, Instant};

pub use policy::StormPolicy;
pub(super) use watch::{Destination, StormNews, StormWatch};

/// Watches one destination.
///
/// Only failures that may pass (transient, unknown) count. In a storm nothing of the destination is started or
/// dead-lettered, save one probe at a time.
#[derive(Debug)]
pub(super) struct StormGuard {
    policy: StormPolicy,
    /// Records that failed since the last success, each once.
    run: u32,
    /// Rises with each success, so that a record that fails again is told from one that fails first.
    epoch: u32,
    recent: Recent,
    storm: Option<Storm>,
    /// The shards that have probed, the last one last: it lets the others go before it.
    probers: Vec<u32>,
}

/// How long a shard lets each pass that probed longer ago.
const COURTESY: Duration = Duration::from_millis(5);

/// About the last attempts: older ones count half, and half of that.
#[derive(Debug, Default, Clone, Copy)]
struct Recent {
    attempts: u64,
    failures: u64,
    /// Failures that were the first of their record in its epoch.
    records: u64,
}

#[derive(Debug, Clone, Copy)]
struct Storm {
    since: Instant,
    spacing: Duration,
    /// `None` while a probe runs.
    probe_at: Option<Instant>,
}

/// What a record that failed keeps of it, to be counted once in a run. The default is that of one that never did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark(u32);

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probed {
    /// The destination works.
    Succeeded,
    /// It does not.
    Failed,
    /// That was about the record, or nobody knows: another is to be tried.
    Inconclusive,
}

impl StormGuard {
    pub(super) const fn new(policy: StormPolicy) -> Self {
        let recent = Recent { attempts: 0, failures: 0, records: 0 };
        // A mark is 0 until its record fails.
        Self { policy, run: 0, epoch: 1, recent, storm: None, probers: Vec::new() }
    }

    /// Whether a storm is on.
    pub(super) const fn is_on(&self) -> bool {
        self.storm.is_some()
    }

    /// Since when a storm is on.
    pub(super) fn since(&self) -> Option<Instant> {
        self.storm.map(|storm| storm.since)
    }

    /// So many attempts succeeded. In a storm only probes say whether it is over.
    pub(super) fn succeeded(&mut self, attempts: u64) {
        if attempts == 0 || self.is_on() {
            return;
        }
        self.recent.add(attempts, self.policy.window);
        if self.run > 0 {
            self.begin_epoch();
        }
    }

    /// An attempt failed in a way that may pass. True if a storm begins with it.
    pub(super) fn failed(&mut self, mark: &mut Mark, now: Instant) -> bool {
        let first = mark.0 != self.epoch;
        mark.0 = self.epoch;
        if self.is_on() {
            return false;
        }
        self.run = self.run.saturating_add(u32::from(first));
        self.recent.add(1, self.policy.window);
        self.recent.failures += 1;
        self.recent.records += u64::from(first);
        if !self.policy.is_reached(self.run, &self.recent) {
            return false;
        }
        let spacing = self.policy.probe_first;
        self.storm = Some(Storm { since: now, spacing, probe_at: Some(now + spacing) });
        true
    }

    /// When the next probe may start in a shard; `None` without a storm, and while a probe runs.
    pub(super) fn probe_at(&self, shard: u32) -> Option<Instant> {
        let turn = self.probers.iter().position(|prober| *prober == shard).map_or(0, |place| place + 1);
        // As many as there are shards.
        let courtesy = COURTESY.saturating_mul(turn as u32);
        self.storm.and_then(|storm| storm.probe_at).map(|at| at + courtesy)
    }

    /// Whether the shard is to start a probe. It then has to say how that [ended](Self::probed).
    pub(super) fn take_probe(&mut self, shard: u32, now: Instant) -> bool {
        if self.probe_at(shard).is_none_or(|at| at > now) {
            return false;
        }
        if let Some(storm) = &mut self.storm {
            storm.probe_at = None;
        }
        self.probers.retain(|prober| *prober != shard);
        self.probers.push(shard);
        true
    }

    /// The probe ended. True if the storm ends with it.
    pub(super) fn probed(&mut self, probed: Probed, now: Instant) -> bool {
        let Some(storm) = &mut self.storm else { return false };
        match probed {
            Probed::Succeeded => {
                self.storm = None;
                self.recent = Recent::default();
                self.probers.clear();
                self.begin_epoch();
                return true;
            }
            Probed::Failed => {
                storm.spacing = storm.spacing.saturating_mul(2).min(self.policy.probe_max);
                storm.probe_at = Some(now + storm.spacing);
            }
            Probed::Inconclusive => storm.probe_at = Some(now),
        }
        false
    }

    const fn begin_epoch(&mut self) {
        self.run = 0;
        // 0 is the mark of a record that never failed.
        self.epoch = if self.epoch == u32::MAX { 1 } else { self.epoch + 1 };
    }
}

impl Recent {
    const fn add(&mut self, attempts: u64, window: u32) {
        self.attempts = self.attempts.saturating_add(attempts);
        while self.attempts >= 2 * window as u64 {
            self.attempts /= 2;
            self.failures /= 2;
            self.records /= 2;
        }
    }
}

#[cfg(test)]
mod tests;
