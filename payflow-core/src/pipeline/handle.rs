//! What a pipeline tells about itself while it runs, and what it can be told.

mod gauges;
mod health;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) use gauges::{Gauges, HEARTBEAT, Life, ShardGauges, Turn};
pub use health::{PipelineHealth, PipelineState};

use crate::consumer::PartitionProgress;
use crate::record::Topic;

/// Looks into a running pipeline, and pauses it. Cheap to clone; outlives it.
#[derive(Debug, Clone)]
pub struct PipelineHandle {
    gauges: Arc<Gauges>,
}

impl PipelineHandle {
    pub(super) const fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges }
    }

    /// The figures of this moment. They are read one by one, so they may be a few records apart; `waiting` is up to a second
    /// old, and what [`partitions`](Self::partitions) tells a few seconds.
    #[must_use]
    pub fn snapshot(&self) -> PipelineSnapshot {
        let gauges = &self.gauges;
        let progress = gauges.progress();
        PipelineSnapshot {
            partitions: gauges.partitions.load(Ordering::Relaxed),
            records: gauges.records.load(Ordering::Relaxed),
            bytes: gauges.bytes.load(Ordering::Relaxed),
            waiting: gauges.shards().iter().map(|shard| shard.waiting()).sum(),
            handled: gauges.handled.load(Ordering::Relaxed),
            skipped: gauges.skipped.load(Ordering::Relaxed),
            failed_attempts: gauges.failed_attempts.load(Ordering::Relaxed),
            dead_lettered: gauges.dead_lettered.load(Ordering::Relaxed),
            dead_letters_failed: gauges.dead_letters_failed.load(Ordering::Relaxed),
            lag: lag(&progress, gauges.partitions.load(Ordering::Relaxed)),
            metadata_headroom_bytes: progress.iter().filter_map(|one| one.metadata_headroom_bytes).min(),
        }
    }

    /// How far each partition is that the consumer holds, as of a second ago, or five while nothing happens. Empty if the
    /// consumer does not tell.
    #[must_use]
    pub fn partitions(&self) -> Vec<PartitionProgress> {
        self.gauges.progress()
    }

    /// Whether it turns, and whether it gets anywhere: for `/livez`, and for whoever is on call.
    #[must_use]
    pub fn health(&self) -> PipelineHealth {
        self.gauges.health(gauges::now())
    }

    /// What [`health`](Self::health) will say after so long, if nothing happens until then. For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn health_in(&self, time: Duration) -> PipelineHealth {
        self.gauges.health(gauges::now() + time)
    }

    /// The record that has been held longest, as of the last second; `None` if none has been held for so long.
    #[must_use]
    pub fn oldest_unfinished(&self) -> Option<OldestUnfinished> {
        let now = gauges::now();
        let oldest = self.gauges.shards().iter().filter_map(|shard| shard.oldest(now));
        oldest.max_by_key(|oldest| oldest.age)
    }

    /// The destinations that count as down: see [`StormPolicy`](crate::StormPolicy).
    #[must_use]
    pub fn storms(&self) -> Vec<Storm> {
        let now = gauges::now();
        let storm = |(destination, since)| Storm { destination, lasts: now.saturating_duration_since(since) };
        self.gauges.storms().into_iter().map(storm).collect()
    }

    /// Nothing more is received or started until [`resume`](Self::resume). What runs goes on, what is held stays held, and
    /// so does the membership of the group.
    pub fn pause(&self) {
        self.gauges.ask_to_pause(true);
    }

    /// Goes on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.gauges.ask_to_pause(false);
    }
}

/// A consumer that holds partitions and tells of none does not know.
fn lag(progress: &[PartitionProgress], assigned: usize) -> Option<u64> {
    if progress.is_empty() && assigned > 0 {
        return None;
    }
    progress.iter().map(PartitionProgress::lag).sum()
}

/// The figures of a pipeline: what it holds now, and what happened since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PipelineSnapshot {
    /// Partitions assigned, and not asked back.
    pub partitions: usize,
    /// Deliveries held: queued, running and waiting.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Of these: what waits for its next attempt, or for a storm to pass.
    pub waiting: usize,
    /// Records that a handler finished.
    pub handled: u64,
    /// Tombstones, which have nothing to handle.
    pub skipped: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Records that were dead-lettered.
    pub dead_lettered: u64,
    /// Publications of dead letters that failed.
    pub dead_letters_failed: u64,
    /// [Lag](PartitionProgress::lag) of all partitions together; `None` if the end of one of them is not known, or the
    /// consumer tells of none. 0 without any.
    pub lag: Option<u64>,
    /// The least [headroom](PartitionProgress::metadata_headroom_bytes) of a partition, in bytes: at 0 nothing more of that
    /// partition is received. `None` without any, or if the consumer has no such bound.
    pub metadata_headroom_bytes: Option<u64>,
}

/// A destination that counts as down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Storm {
    /// Its name, as the handler has it.
    pub destination: &'static str,
    /// For how long.
    pub lasts: Duration,
}

/// A record that has been held for long: what the rest of its key waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OldestUnfinished {
    /// How long it has been held.
    pub age: Duration,
    /// Where it stands.
    pub topic: Topic,
    /// The partition of the topic.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// Of its key, by the secret hash of this process: equal for equal keys, and says nothing about them.
    pub key_hash: u64,
    /// Attempts that failed, those in a storm not counted.
    pub attempts: u32,
    /// What it does.
    pub stage: UnfinishedStage,
}

/// What an unfinished record does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnfinishedStage {
    /// It waits behind another of its lane, or for a free place.
    Queued,
    /// Its handler runs.
    Running,
    /// It waits for its next attempt.
    Retry,
    /// It waits for a storm to pass.
    Storm,
    /// It is being published as a dead letter, again and again if that fails.
    DeadLetter,
}
