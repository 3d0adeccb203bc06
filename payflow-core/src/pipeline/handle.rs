//! What a pipeline tells about itself while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::shard::Counts;

/// Looks into a running pipeline. Cheap to clone; outlives it.
#[derive(Debug, Clone)]
pub struct PipelineHandle {
    gauges: Arc<Gauges>,
}

impl PipelineHandle {
    pub(super) const fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges }
    }

    /// The figures of this moment. They are read one by one, so they may be a few records apart.
    #[must_use]
    pub fn snapshot(&self) -> PipelineSnapshot {
        let gauges = &self.gauges;
        PipelineSnapshot {
            records: gauges.records.load(Ordering::Relaxed),
            bytes: gauges.bytes.load(Ordering::Relaxed),
            handled: gauges.handled.load(Ordering::Relaxed),
            skipped: gauges.skipped.load(Ordering::Relaxed),
            failed_attempts: gauges.failed_attempts.load(Ordering::Relaxed),
            dead_lettered: gauges.dead_lettered.load(Ordering::Relaxed),
            dead_letters_failed: gauges.dead_letters_failed.load(Ordering::Relaxed),
        }
    }
}

/// The figures of a pipeline: what it holds now, and what happened since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PipelineSnapshot {
    /// Deliveries held: queued, running and waiting.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
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
}

#[derive(Debug, Default)]
pub(super) struct Gauges {
    records: AtomicUsize,
    bytes: AtomicUsize,
    handled: AtomicU64,
    skipped: AtomicU64,
    failed_attempts: AtomicU64,
    dead_lettered: AtomicU64,
    dead_letters_failed: AtomicU64,
}

impl Gauges {
    pub(super) fn hold(&self, records: usize, bytes: usize) {
        self.records.store(records, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn add(&self, counts: Counts) {
        self.handled.fetch_add(counts.handled, Ordering::Relaxed);
        self.skipped.fetch_add(counts.skipped, Ordering::Relaxed);
        self.failed_attempts.fetch_add(counts.failed_attempts, Ordering::Relaxed);
        self.dead_lettered.fetch_add(counts.dead_lettered, Ordering::Relaxed);
        self.dead_letters_failed.fetch_add(counts.dead_letters_failed, Ordering::Relaxed);
    }
}
