//! A look through what a shard holds.

use std::time::Instant;

use super::attempt::{State, Work};
use super::{Shard, lanes};
use crate::consumer::Delivery;
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
        let (state, delivery) = (&entry.state, entry.delivery());
        let stage = match (state.work(), entry.is_running(), entry.is_parked()) {
            (Work::DeadLetter(_), _, _) => UnfinishedStage::DeadLetter,
            (_, true, _) => UnfinishedStage::Running,
            (_, _, true) if state.due().is_none() => UnfinishedStage::Storm,
            (_, _, true) => UnfinishedStage::Retry,
            _ => UnfinishedStage::Queued,
        };
        let key_hash = lanes::Lanes::hash_of(entry);
        let held = OldestUnfinished::held(entry.since, delivery, key_hash, now);
        OldestUnfinished { attempts: state.attempts(), stage, ..held }
    }
}

impl OldestUnfinished {
    /// One that no shard has looked at yet.
    pub(in crate::pipeline) fn queued(since: Instant, routed: &lanes::Routed, now: Instant) -> Self {
        Self::held(since, &routed.delivery, routed.hash, now)
    }

    fn held(since: Instant, delivery: &Delivery, key_hash: u64, now: Instant) -> Self {
        Self {
            age: now.saturating_duration_since(since),
            topic: delivery.topic.clone(),
            partition: delivery.partition,
            offset: delivery.offset,
            key_hash,
            attempts: 0,
            stage: UnfinishedStage::Queued,
        }
    }
}
