//! The guards of a pipeline, which its shards share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Probed, StormGuard, StormPolicy};
use crate::pipeline::events::PipelineEvent;

/// A guard for each destination. Cheap to clone; all clones are one. Touched only when something failed or a storm is
/// on, and once a turn with what succeeded.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct StormWatch {
    shared: Arc<Shared>,
    /// Whose clone this is.
    shard: u32,
}

#[derive(Debug)]
struct Shared {
    policy: StormPolicy,
    /// Whether any guard has a storm, to be asked without the lock.
    any: AtomicBool,
    guards: Mutex<Vec<(&'static str, StormGuard)>>,
    news: Mutex<Vec<PipelineEvent>>,
}

/// Names a destination of this pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::pipeline) struct Destination(u32);

impl Destination {
    pub(in crate::pipeline) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(in crate::pipeline) const fn number(index: u32) -> Self {
        Self(index)
    }
}

impl StormWatch {
    pub(in crate::pipeline) fn new(policy: StormPolicy) -> Self {
        let (guards, news) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { policy, any: AtomicBool::new(false), guards, news });
        Self { shared, shard: 0 }
    }

    /// The same, for the shard of that number.
    pub(in crate::pipeline) fn of_shard(&self, shard: u32) -> Self {
        Self { shared: Arc::clone(&self.shared), shard }
    }

    /// The destination of that name.
    pub(in crate::pipeline) fn destination(&self, name: &'static str) -> Destination {
        self.with(|guards| {
            let known = guards.iter().position(|(known, _)| *known == name);
            let index = known.unwrap_or_else(|| {
                guards.push((name, StormGuard::new(self.shared.policy.clone())));
                guards.len() - 1
            });
            // Names are static, so there are far fewer than 2³².
            Destination(index as u32)
        })
    }

    /// Whether a storm is on anywhere.
    #[inline]
    pub(in crate::pipeline) fn is_any_on(&self) -> bool {
        self.shared.any.load(Ordering::Relaxed)
    }

    pub(in crate::pipeline) fn is_on(&self, destination: Destination) -> bool {
        self.is_any_on() && self.at(destination, |guard| guard.is_on()).unwrap_or(false)
    }

    pub(in crate::pipeline) fn succeeded(&self, destination: Destination, attempts: u64) {
        self.at(destination, |guard| guard.succeeded(attempts));
    }

    /// Whether a storm is on, after this failure.
    pub(in crate::pipeline) fn failed(&self, destination: Destination, lane: u64, now: Instant) -> bool {
        let (begins, is_on) =
            self.at(destination, |guard| (guard.failed(lane, now), guard.is_on())).unwrap_or_default();
        if begins {
            self.tell(destination, None);
        }
        is_on
    }

    pub(in crate::pipeline) fn probe_at(&self, destination: Destination) -> Option<Instant> {
        self.at(destination, |guard| guard.probe_at(self.shard)).flatten()
    }

    pub(in crate::pipeline) fn take_probe(&self, destination: Destination, now: Instant) -> bool {
        self.at(destination, |guard| guard.take_probe(self.shard, now)).unwrap_or(false)
    }

    pub(in crate::pipeline) fn probed(&self, destination: Destination, probed: Probed, now: Instant) {
        let ended = self.at(destination, |guard| {
            let since = guard.since();
            guard.probed(probed, now).then_some(since).flatten()
        });
        if let Some(since) = ended.flatten() {
            self.tell(destination, Some(now.saturating_duration_since(since)));
        }
    }

    /// What began and ended since this was last asked.
    pub(in crate::pipeline) fn take_news(&self) -> Vec<PipelineEvent> {
        std::mem::take(&mut *self.shared.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, destination: Destination, lasted: Option<Duration>) {
        let name = self.with(|guards| guards.get(destination.index()).map(|(name, _)| *name));
        if let Some(destination) = name {
            let event = lasted.map_or(PipelineEvent::StormBegan { destination }, |lasted| {
                PipelineEvent::StormEnded { destination, lasted }
            });
            self.shared.news.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }

    /// The destinations that have a storm, and since when.
    pub(in crate::pipeline) fn storms(&self) -> Vec<(&'static str, Instant)> {
        if !self.is_any_on() {
            return Vec::new();
        }
        self.with(|guards| guards.iter().filter_map(|(name, guard)| Some((*name, guard.since()?))).collect())
    }

    fn at<R>(&self, destination: Destination, ask: impl FnOnce(&mut StormGuard) -> R) -> Option<R> {
        self.with(|guards| guards.get_mut(destination.index()).map(|(_, guard)| ask(guard)))
    }

    fn with<R>(&self, ask: impl FnOnce(&mut Vec<(&'static str, StormGuard)>) -> R) -> R {
        // Nothing that can panic runs under the lock.
        let mut guards = self.shared.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = ask(&mut guards);
        self.shared.any.store(guards.iter().any(|(_, guard)| guard.is_on()), Ordering::Relaxed);
        answer
    }
}
