//! What all parts of a run share: time, chance, the cluster, and what is known of it all.

use std::fmt;
use std::time::{Duration, Instant};

use super::checks::Checks;
use super::dead_topic::DeadTopic;
use super::dice::Dice;
use super::faults::{Counts, Fault};
use super::handlers::Downstream;
use super::ledger::Ledger;
use super::plan::Plan;
use super::queue::Queue;
use super::trace::Trace;
use super::world::Event;
use crate::memory::SimulatedCluster;

/// Everything but the consumers.
#[derive(Debug)]
pub(super) struct Scene {
    /// Since the run began.
    pub(super) now: Duration,
    began: Instant,
    pub(super) queue: Queue<Event>,
    pub(super) dice: Dice,
    pub(super) plan: Plan,
    pub(super) cluster: SimulatedCluster,
    pub(super) ledger: Ledger,
    pub(super) downstream: Downstream,
    pub(super) dead_topic: DeadTopic,
    pub(super) checks: Checks,
    pub(super) counts: Counts,
    /// How many there are by now.
    pub(super) partitions: u32,
    /// Until when a partition may have no leader.
    pub(super) leaders_move_until: Duration,
    /// Until when the group misses nobody, though a process is gone.
    pub(super) unnoticed_until: Duration,
    /// Until when no commit is read, since the group waits for one who is gone.
    pub(super) commits_stand_until: Duration,
    /// Faults are over.
    pub(super) quiet: bool,
    trace: Trace,
}

impl Scene {
    pub(super) fn new(dice: Dice, plan: Plan, cluster: SimulatedCluster, traced: bool) -> Self {
        let partitions = plan.partitions;
        Self {
            now: Duration::ZERO,
            began: Instant::now(),
            queue: Queue::new(),
            dice,
            plan,
            cluster,
            ledger: Ledger::default(),
            downstream: Downstream::default(),
            dead_topic: DeadTopic::default(),
            checks: Checks::default(),
            counts: Counts::default(),
            partitions,
            leaders_move_until: Duration::ZERO,
            unnoticed_until: Duration::ZERO,
            commits_stand_until: Duration::ZERO,
            quiet: false,
            trace: Trace::new(traced),
        }
    }

    /// Now, as the parts under test are told it.
    pub(super) fn instant(&self) -> Instant {
        self.began + self.now
    }

    /// A point in time that they told, since the run began.
    pub(super) fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.began)
    }

    pub(super) fn after(&mut self, delay: Duration, event: Event) {
        self.queue.push(self.now + delay, event);
    }

    pub(super) fn say(&mut self, what: fmt::Arguments<'_>) {
        self.trace.say(self.now, what);
    }

    /// A fault happened.
    pub(super) fn hit(&mut self, fault: Fault) {
        self.counts.add(fault);
    }

    /// A promise is broken.
    pub(super) fn violated(&mut self, what: String) {
        self.trace.say(self.now, format_args!("VIOLATED: {what}"));
        self.checks.violated(what);
    }

    pub(super) fn into_trace(self) -> String {
        self.trace.into_lines()
    }
}
