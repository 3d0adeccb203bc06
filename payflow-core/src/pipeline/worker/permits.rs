//! A shard's part in the one limit of concurrency.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// How many handlers run at once over all shards; cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Limit(Arc<Semaphore>);

impl Limit {
    pub(in crate::pipeline) fn new(concurrency: usize) -> Self {
        Self(Arc::new(Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS))))
    }
}

/// Takes permits from the limit and gives them back. One that came back is kept for the next start of this turn, so
/// that handlers that are ready at once do not touch what all shards share.
pub(super) struct Permits {
    limit: Limit,
    kept: bool,
    /// On their way back, all at once.
    returning: usize,
    /// In line for a permit, when there was none.
    waiting: Option<Waiting>,
}

type Waiting = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

impl Permits {
    pub(super) const fn new(limit: Limit) -> Self {
        Self { limit, kept: false, returning: 0, waiting: None }
    }

    /// Takes a permit, or gets in line for one. First come, first served among the shards.
    pub(super) fn poll_acquire(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.kept) {
            return Poll::Ready(());
        }
        if self.waiting.is_none() {
            if let Ok(permit) = self.limit.0.try_acquire() {
                permit.forget();
                return Poll::Ready(());
            }
            self.waiting = Some(Box::pin(Arc::clone(&self.limit.0).acquire_owned()));
        }
        let Some(waiting) = &mut self.waiting else {
            return Poll::Pending;
        };
        let acquired = std::task::ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        // The semaphore is never closed, so it always is a permit.
        acquired.map_or(Poll::Pending, |permit| {
            permit.forget();
            Poll::Ready(())
        })
    }

    /// Takes note of a permit that is no longer used; [`give_back`](Self::give_back) hands it on.
    pub(super) fn release(&mut self) {
        if self.waiting.is_some() || std::mem::replace(&mut self.kept, true) {
            self.returning += 1;
        }
    }

    /// Gives the permits back that were released, save the one that is kept.
    pub(super) fn give_back(&mut self) {
        if self.returning > 0 {
            self.limit.0.add_permits(std::mem::take(&mut self.returning));
        }
    }

    /// Nothing is to be started at present: keeps and waits for nothing.
    pub(super) fn rest(&mut self) {
        self.waiting = None;
        self.returning += usize::from(std::mem::take(&mut self.kept));
        self.give_back();
    }
}

impl Drop for Permits {
    fn drop(&mut self) {
        self.rest();
    }
}

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits").field("kept", &self.kept).finish_non_exhaustive()
    }
}
