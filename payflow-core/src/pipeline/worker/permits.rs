//! A shard's part in the one limit of concurrency.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::pipeline::lanes::Class;

/// How many handlers run at once over all shards, and how many of them for what failed before: half, or one if that is
/// all. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Limit {
    all: Arc<Semaphore>,
    again: Arc<Semaphore>,
}

impl Limit {
    pub(in crate::pipeline) fn new(concurrency: usize) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { all: semaphore(concurrency), again: semaphore((concurrency / 2).max(1)) }
    }
}

/// Takes permits from the limit and gives them back.
#[derive(Debug)]
pub(super) struct Permits {
    all: Line,
    /// Taken beside one of all.
    again: Line,
    /// Who had the last turn, where both could have.
    last: Class,
}

impl Permits {
    pub(super) fn new(limit: &Limit) -> Self {
        let (all, again) = (Line::new(&limit.all), Line::new(&limit.again));
        Self { all, again, last: Class::First }
    }

    /// Takes a permit for one of the classes that have something to start, or gets in line. In turn, where there is one for
    /// both.
    pub(super) fn poll_acquire(&mut self, cx: &mut Context<'_>, again: bool, first: bool) -> Poll<Class> {
        if !again {
            self.again.rest();
        } else if !(first && self.last == Class::Again) && self.again.poll_acquire(cx).is_ready() {
            if self.all.poll_acquire(cx).is_ready() {
                self.last = Class::Again;
                return Poll::Ready(Class::Again);
            }
            self.again.release();
            return Poll::Pending;
        }
        self.last = Class::First;
        if !first {
            // Whoever waits for the second kind holds none of the first: others would wait for that with one of the second.
            self.all.rest();
            return Poll::Pending;
        }
        self.all.poll_acquire(cx).map(|()| Class::First)
    }

    /// Takes note of a permit that is no longer used; [`give_back`](Self::give_back) hands it on.
    pub(super) fn release(&mut self, class: Class) {
        self.all.release();
        if class == Class::Again {
            self.again.release();
        }
    }

    /// Gives the permits back that were released, save the one that is kept.
    pub(super) fn give_back(&mut self) {
        self.all.give_back();
        self.again.give_back();
    }

    /// Nothing is to be started at present: keeps and waits for nothing.
    pub(super) fn rest(&mut self) {
        self.all.rest();
        self.again.rest();
    }
}

/// A place before one semaphore. A permit that came back is kept for the next start of this turn, so that handlers that are ready at
/// once do not touch what all shards share.
struct Line {
    semaphore: Arc<Semaphore>,
    kept: bool,
    /// On their way back, all at once.
    returning: usize,
    /// In line for a permit, when there was none.
    waiting: Option<Waiting>,
}

type Waiting = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

impl Line {
    fn new(semaphore: &Arc<Semaphore>) -> Self {
        Self { semaphore: Arc::clone(semaphore), kept: false, returning: 0, waiting: None }
    }

    /// Takes a permit, or gets in line for one. First come, first served among the shards.
    fn poll_acquire(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.kept) {
            return Poll::Ready(());
        }
        if self.waiting.is_none() {
            if let Ok(permit) = self.semaphore.try_acquire() {
                permit.forget();
                return Poll::Ready(());
            }
            self.waiting = Some(Box::pin(Arc::clone(&self.semaphore).acquire_owned()));
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

    fn release(&mut self) {
        if self.waiting.is_some() || std::mem::replace(&mut self.kept, true) {
            self.returning += 1;
        }
    }

    fn give_back(&mut self) {
        if self.returning > 0 {
            self.semaphore.add_permits(std::mem::take(&mut self.returning));
        }
    }

    fn rest(&mut self) {
        self.waiting = None;
        self.returning += usize::from(std::mem::take(&mut self.kept));
        self.give_back();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.rest();
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("kept", &self.kept).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn who_waits_to_start_something_again_keeps_no_permit_from_the_others() {
        let mut cx = Context::from_waker(Waker::noop());
        let limit = Limit::new(2);
        let [mut busy, mut waits, mut other] = [(); 3].map(|()| Permits::new(&limit));
        assert_eq!(busy.poll_acquire(&mut cx, true, false), Poll::Ready(Class::Again));
        assert_eq!(waits.poll_acquire(&mut cx, false, true), Poll::Ready(Class::First));
        waits.release(Class::First);
        assert_eq!(waits.poll_acquire(&mut cx, true, false), Poll::Pending);
        waits.give_back();
        assert_eq!(other.poll_acquire(&mut cx, false, true), Poll::Ready(Class::First));

        // In line before, and granted while it waits for the other kind.
        assert_eq!(waits.poll_acquire(&mut cx, true, true), Poll::Pending);
        assert_eq!(waits.poll_acquire(&mut cx, true, false), Poll::Pending);
        other.release(Class::First);
        other.rest();
        assert_eq!(other.poll_acquire(&mut cx, false, true), Poll::Ready(Class::First));
    }
}
