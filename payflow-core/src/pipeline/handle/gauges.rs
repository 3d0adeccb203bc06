//! What driver and workers write down for the handle.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

use super::{OldestUnfinished, PipelineHealth, PipelineState};
use crate::consumer::PartitionProgress;
use crate::pipeline::lanes::Routed;
use crate::pipeline::shard::{Counts, Shard};
use crate::pipeline::storm::StormWatch;

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[derive(Debug)]
pub(in crate::pipeline) struct Gauges {
    /// Times are milliseconds since then.
    base: Instant,
    stalled_after: Duration,
    pub(super) partitions: AtomicUsize,
    leaving: AtomicUsize,
    pub(super) records: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) handled: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) failed_attempts: AtomicU64,
    pub(super) dead_lettered: AtomicU64,
    pub(super) dead_letters_failed: AtomicU64,
    phase: AtomicUsize,
    turned_at: AtomicU64,
    /// When something was finished last, or there was nothing to do.
    progressed_at: AtomicU64,
    idle: AtomicBool,
    progress: Mutex<Vec<PartitionProgress>>,
    pause: AtomicBool,
    driver: AtomicWaker,
    parts: OnceLock<Parts>,
}

#[derive(Debug)]
struct Parts {
    shards: Vec<std::sync::Arc<ShardGauges>>,
    storms: StormWatch,
}

/// How far a pipeline is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Life {
    New,
    Running,
    Stopping,
    Ended,
}

/// What the driver knows after a turn.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct Turn {
    pub(in crate::pipeline) life: Life,
    pub(in crate::pipeline) partitions: usize,
    /// Partitions that are asked back.
    pub(in crate::pipeline) leaving: usize,
    pub(in crate::pipeline) paused: bool,
    pub(in crate::pipeline) records: usize,
    pub(in crate::pipeline) bytes: usize,
    /// Nothing is held, and nothing is there to be received.
    pub(in crate::pipeline) idle: bool,
}

/// A loop that has not turned for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(15);
/// So that a loop that waits is told from one that is stuck.
pub(in crate::pipeline) const HEARTBEAT: Duration = Duration::from_secs(5);

impl Gauges {
    pub(in crate::pipeline) fn new(stalled_after: Duration) -> Self {
        Self {
            base: now(),
            stalled_after,
            partitions: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            failed_attempts: AtomicU64::new(0),
            dead_lettered: AtomicU64::new(0),
            dead_letters_failed: AtomicU64::new(0),
            phase: AtomicUsize::new(Life::New as usize),
            turned_at: AtomicU64::new(0),
            progressed_at: AtomicU64::new(0),
            idle: AtomicBool::new(true),
            progress: Mutex::default(),
            pause: AtomicBool::new(false),
            driver: AtomicWaker::new(),
            parts: OnceLock::new(),
        }
    }

    /// The pipeline begins to run, with these parts.
    pub(in crate::pipeline) fn begin(&self, shards: Vec<std::sync::Arc<ShardGauges>>, storms: StormWatch) {
        // A pipeline is run once.
        let _ = self.parts.set(Parts { shards, storms });
    }

    pub(in crate::pipeline) fn turned(&self, turn: &Turn, now: Instant) {
        let now = self.millis(now);
        self.phase.store(turn.life as usize, Ordering::Relaxed);
        self.partitions.store(turn.partitions, Ordering::Relaxed);
        self.leaving.store(turn.leaving, Ordering::Relaxed);
        self.records.store(turn.records, Ordering::Relaxed);
        self.bytes.store(turn.bytes, Ordering::Relaxed);
        self.idle.store(turn.idle, Ordering::Relaxed);
        self.turned_at.store(now, Ordering::Relaxed);
        // Paused as well: that was asked for.
        if turn.idle || turn.partitions == 0 || turn.paused {
            self.progressed_at.store(now, Ordering::Relaxed);
        }
    }

    pub(in crate::pipeline) fn add(&self, counts: Counts, now: Instant) {
        self.handled.fetch_add(counts.handled, Ordering::Relaxed);
        self.skipped.fetch_add(counts.skipped, Ordering::Relaxed);
        self.failed_attempts.fetch_add(counts.failed_attempts, Ordering::Relaxed);
        self.dead_lettered.fetch_add(counts.dead_lettered, Ordering::Relaxed);
        self.dead_letters_failed.fetch_add(counts.dead_letters_failed, Ordering::Relaxed);
        if counts.handled + counts.skipped + counts.dead_lettered > 0 {
            self.progressed_at.store(self.millis(now), Ordering::Relaxed);
        }
    }

    /// Takes what the consumer has just told, and gives what it had told before.
    pub(in crate::pipeline) fn note_progress(&self, progress: &mut Vec<PartitionProgress>) {
        std::mem::swap(&mut *self.progress.lock().unwrap_or_else(PoisonError::into_inner), progress);
    }

    pub(super) fn progress(&self) -> Vec<PartitionProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn ask_to_pause(&self, pause: bool) {
        self.pause.store(pause, Ordering::Release);
        self.driver.wake();
    }

    /// Ready once the caller asks for something else than `paused`.
    pub(in crate::pipeline) fn poll_pause(&self, paused: bool, cx: &Context<'_>) -> Poll<bool> {
        self.driver.register(cx.waker());
        let asked = self.pause.load(Ordering::Acquire);
        if asked == paused { Poll::Pending } else { Poll::Ready(asked) }
    }

    pub(super) fn shards(&self) -> &[std::sync::Arc<ShardGauges>] {
        self.parts.get().map_or(&[], |parts| &parts.shards)
    }

    pub(super) fn storms(&self) -> Vec<(&'static str, Instant)> {
        self.parts.get().map_or_else(Vec::new, |parts| parts.storms.storms())
    }

    pub(super) fn health(&self, now: Instant) -> PipelineHealth {
        let phase = self.phase.load(Ordering::Relaxed);
        let is = |life: Life| phase == life as usize;
        let runs = is(Life::Running) || is(Life::Stopping);
        let since = |at: &AtomicU64| {
            Duration::from_millis(self.millis(now).saturating_sub(at.load(Ordering::Relaxed)))
        };
        let stuck = self.shards().iter().any(|shard| shard.turns_for(now) > STUCK_AFTER);
        let assigned = self.partitions.load(Ordering::Relaxed) > 0;
        let idle = self.idle.load(Ordering::Relaxed);
        let stalled = runs && assigned && !idle && since(&self.progressed_at) > self.stalled_after;
        let state = match () {
            () if is(Life::New) => PipelineState::New,
            () if is(Life::Ended) => PipelineState::Ended,
            () if is(Life::Stopping) => PipelineState::Stopping,
            () if self.pause.load(Ordering::Relaxed) => PipelineState::Paused,
            () if self.leaving.load(Ordering::Relaxed) > 0 => PipelineState::Revoking,
            () if !assigned => PipelineState::Unassigned,
            () if !self.storms().is_empty() => PipelineState::Storm,
            () if idle => PipelineState::Idle,
            () if stalled => PipelineState::Stalled,
            () => PipelineState::Busy,
        };
        let live = is(Life::New) || runs && (since(&self.turned_at) <= STUCK_AFTER && !stuck);
        PipelineHealth { live, progressing: !stalled, state }
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

/// What the worker of a shard writes down.
#[derive(Debug)]
pub(in crate::pipeline) struct ShardGauges {
    base: Instant,
    /// When the turn began that is under way, in milliseconds and never 0; 0 between turns.
    turning_since: AtomicU64,
    census: Mutex<Census>,
    /// When the next census is due, in milliseconds; 0 if nothing is held. The worker's alone.
    census_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Census {
    waiting: usize,
    /// Its age is as of `taken_at`.
    oldest: Option<OldestUnfinished>,
    taken_at: Option<Instant>,
}

const CENSUS_INTERVAL: Duration = Duration::from_secs(1);

impl ShardGauges {
    pub(in crate::pipeline) fn new(base: Instant) -> Self {
        let census = Mutex::default();
        Self { base, turning_since: AtomicU64::new(0), census, census_at: AtomicU64::new(0) }
    }

    /// The turn's name for `now`, in milliseconds.
    pub(in crate::pipeline) fn turn_begins(&self, now: Instant) -> u64 {
        let turn = self.millis(now);
        self.turning_since.store(turn, Ordering::Relaxed);
        turn
    }

    /// Ends the turn that began at `now`. Looks through what is held once a second, and says when it is to be done next.
    /// `queued` is what waits outside of the shard, and since when.
    pub(in crate::pipeline) fn turn_ends(
        &self,
        turn: u64,
        now: Instant,
        shard: &Shard,
        queued: Option<(Instant, &Routed)>,
    ) -> Option<Instant> {
        self.turning_since.store(0, Ordering::Relaxed);
        let at = self.census_at.load(Ordering::Relaxed);
        let is_empty = shard.is_empty() && queued.is_none();
        if at == 0 && is_empty {
            return None;
        }
        if at != 0 && turn < at {
            return Some(self.base + Duration::from_millis(at));
        }
        if at != 0 {
            let (waiting, oldest) = shard.census(now);
            let queued = queued.map(|(since, routed)| OldestUnfinished::queued(since, routed, now));
            let oldest = [oldest, queued].into_iter().flatten().max_by_key(|oldest| oldest.age);
            let mut census = self.census.lock().unwrap_or_else(PoisonError::into_inner);
            *census = Census { waiting, oldest, taken_at: Some(now) };
        }
        let next = if is_empty { 0 } else { self.millis(now + CENSUS_INTERVAL) };
        self.census_at.store(next, Ordering::Relaxed);
        (next != 0).then(|| self.base + Duration::from_millis(next))
    }

    pub(super) fn waiting(&self) -> usize {
        self.census.lock().unwrap_or_else(PoisonError::into_inner).waiting
    }

    pub(super) fn oldest(&self, now: Instant) -> Option<OldestUnfinished> {
        let census = self.census.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(census.taken_at?);
        let oldest = census.oldest.clone()?;
        Some(OldestUnfinished { age: oldest.age + since, ..oldest })
    }

    /// For how long the turn has lasted that is under way.
    fn turns_for(&self, now: Instant) -> Duration {
        match self.turning_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(self.millis(now).saturating_sub(since)),
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX).max(1)
    }
}
