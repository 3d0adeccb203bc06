//! Tells an outage from a bad record: normal, then probing, then normal. Pure.

mod policy;
mod watch;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub use policy::StormPolicy;
pub(super) use watch::{Destination, StormWatch};

/// Watches one destination.
///
/// Only failures that may pass (transient, unknown) count, and each lane once: however often one key fails, it is one key
/// that fails. In a storm nothing of the destination is started or dead-lettered, save one probe at a time.
#[derive(Debug)]
pub(super) struct StormGuard {
    policy: StormPolicy,
    /// The lanes that failed since the last success.
    run: Failing,
    recent: Recent,
    storm: Option<Storm>,
    /// The shards that have probed, the last one last: it lets the others go before it.
    probers: Vec<u32>,
}

/// How long a shard lets each pass that probed longer ago.
const COURTESY: Duration = Duration::from_millis(5);

/// The last attempts: one window of them, and what came after that, up to another. However long all was well before, it does not
/// weigh more than that.
#[derive(Debug, Default)]
struct Recent {
    older: Attempts,
    newer: Attempts,
}

/// Attempts one after another.
#[derive(Debug, Default)]
struct Attempts {
    number: u64,
    failures: u64,
    /// The lanes that failed.
    lanes: Failing,
}

/// Lanes that failed, each once; no more of them than a storm takes.
#[derive(Debug, Default)]
struct Failing(BTreeSet<u64>);

impl Failing {
    fn add(&mut self, lane: u64, policy: &StormPolicy) {
        if !policy.is_off() && self.0.len() < policy.lanes as usize {
            self.0.insert(lane);
        }
    }

    fn is_enough(&self, policy: &StormPolicy) -> bool {
        !policy.is_off() && self.0.len() >= policy.lanes as usize
    }
}

#[derive(Debug, Clone, Copy)]
struct Storm {
    since: Instant,
    spacing: Duration,
    /// `None` while a probe runs.
    probe_at: Option<Instant>,
}

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
    pub(super) fn new(policy: StormPolicy) -> Self {
        let (run, recent) = (Failing::default(), Recent::default());
        Self { policy, run, recent, storm: None, probers: Vec::new() }
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
        self.run.0.clear();
    }

    /// An attempt in that lane failed in a way that may pass. True if a storm begins with it.
    pub(super) fn failed(&mut self, lane: u64, now: Instant) -> bool {
        if self.is_on() {
            return false;
        }
        self.run.add(lane, &self.policy);
        self.recent.add(1, self.policy.window);
        self.recent.newer.failures += 1;
        self.recent.newer.lanes.add(lane, &self.policy);
        let begins = self.run.is_enough(&self.policy) || self.recent.is_enough(&self.policy);
        if begins {
            let spacing = self.policy.probe_first;
            self.storm = Some(Storm { since: now, spacing, probe_at: Some(now + spacing) });
        }
        begins
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
                self.run.0.clear();
                self.probers.clear();
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
}

impl Recent {
    fn add(&mut self, attempts: u64, window: u32) {
        let window = u64::from(window);
        if self.newer.number.saturating_add(attempts) > window {
            self.older = std::mem::take(&mut self.newer);
        }
        if attempts > window {
            // All that is told at once succeeded.
            self.older = Attempts { number: window, ..Attempts::default() };
        } else {
            self.newer.number += attempts;
        }
    }

    fn is_enough(&self, policy: &StormPolicy) -> bool {
        let number = self.older.number + self.newer.number;
        let failures = self.older.failures + self.newer.failures;
        let share = failures.saturating_mul(100) >= number * u64::from(policy.percent);
        let lanes = || self.older.lanes.0.union(&self.newer.lanes.0).count();
        number >= u64::from(policy.window) && share && lanes() >= policy.lanes as usize
    }
}

#[cfg(test)]
mod tests;
