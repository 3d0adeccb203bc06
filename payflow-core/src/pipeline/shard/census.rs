//! A look through what a shard holds.

use std::time::Instant;

use super::attempt::{State, Work};
use super::{Shard, lanes};
use crate::pipeline::handle::{OldestUnfinished, UnfinishedStage};

impl Shard {
    /// How many wait for an attempt or for a storm to pass, and which has been held longest.
    pub(in crate::pipeline) fn census(&self, now: Instant) -> (usize, Option<OldestUnfinished>) {
        let waits = |entry: &&lanes::Entry<State>| entry.is_parked() && entry.state.verdict().is_none();
        let waiting = self.lanes.iter().filter(waits).count();
        let oldest = self.lanes.iter().min_by_key(|entry| entry.since);
        (waiting, oldest.map(|entry| self.describe(entry, now)))
    }

    fn describe(&self, entry: &lanes::Entry<State>, now: Instant) -> OldestUnfinished {
        let (state, delivery) = (&entry.state, &entry.delivery);
        let stage = match (state.work(), entry.is_running(), entry.is_parked()) {
            (Work::DeadLetter(_), _, _) => UnfinishedStage::DeadLetter,
            (_, true, _) => UnfinishedStage::Running,
            (_, _, true) if state.due().is_none() => UnfinishedStage::Storm,
            (_, _, true) => UnfinishedStage::Retry,
            _ => UnfinishedStage::Queued,
        };
        OldestUnfinished {
            age: now.saturating_duration_since(entry.since),
            topic: delivery.topic.clone(),
            partition: delivery.partition,
            offset: delivery.offset,
            key_hash: self.lanes.hash_of(entry),
            attempts: state.attempts(),
            stage,
        }
    }
}
