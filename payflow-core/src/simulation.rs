//! Runs the engine's own modules against a model of a cluster, with faults, all decided by one seed.
//!
//! Several consumer processes, made of the very `engine`, `lanes`, `retry` and `offsets` that a
//! [`Pipeline`](crate::Pipeline) runs, read what clients write to a pure model of a cluster. Processes crash, lose
//! partitions, stop and come back; commits and sends fail; handlers fail, panic and hang. There is no runtime, no thread and
//! no clock: time is a number, so that a seed gives the same run, and the same trace, each time.
//!
//! After the faults end, everything has to be done within bounded time. The promises are checked at each step: nothing is
//! lost, order per key, one at a time per lane, bounds, tokens that come back once, commits that cover only what is
//! finished, no repetition but of what was in flight or not committed at a crash or loss, none after a clean stop.

mod checks;
mod dead_topic;
mod desk;
mod dice;
mod faults;
mod handlers;
mod ledger;
mod log_trouble;
mod node;
mod plan;
mod producers;
mod queue;
mod scene;
mod trace;
mod tried;
mod trouble;
mod world;

use std::time::Duration;

use world::World;

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// Whether to write a trace.
    pub traced: bool,
}

impl Options {
    /// No trace: the quickest.
    #[must_use]
    pub const fn new() -> Self {
        Self { traced: false }
    }

    /// With a trace.
    #[must_use]
    pub const fn with_trace(mut self) -> Self {
        self.traced = true;
        self
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// The promise that was broken, if one was.
    pub violation: Option<String>,
    /// What happened, line by line; empty if no trace was asked for.
    pub trace: String,
    /// How often each kind of fault was hit, all kinds in the same order in each run.
    pub faults: Vec<FaultCount>,
    /// Events.
    pub steps: u64,
    /// Records that were written.
    pub records: u64,
    /// Records that were handed over, repeated ones each time.
    pub deliveries: u64,
    /// How long the run took in its own time.
    pub virtual_time: Duration,
}

/// How often a kind of fault was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultCount {
    /// The kind.
    pub name: &'static str,
    /// How often.
    pub count: u64,
}

/// Runs a seed to its end, or to the first promise that is broken.
///
/// Equal seeds give equal runs, byte by byte.
#[must_use]
pub fn simulate(seed: u64, options: &Options) -> Run {
    let mut world = match World::new(seed, options.traced) {
        Ok(world) => world,
        Err(error) => return Run::not_begun(error.chain()),
    };
    world.run();
    let (scene, steps) = (world.scene, world.steps);
    Run {
        violation: scene.checks.violation().map(str::to_owned),
        faults: scene.counts.iter().map(|(name, count)| FaultCount { name, count }).collect(),
        steps,
        records: scene.ledger.len() as u64,
        deliveries: scene.checks.handed_over,
        virtual_time: scene.now,
        trace: scene.into_trace(),
    }
}

impl Run {
    const fn not_begun(why: String) -> Self {
        Self {
            violation: Some(why),
            trace: String::new(),
            faults: Vec::new(),
            steps: 0,
            records: 0,
            deliveries: 0,
            virtual_time: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
