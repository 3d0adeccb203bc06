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
        let (all, again) = (Line::new(&limit.all, TAKEN_AT_ONCE), Line::new(&limit.again, 1));
        Self { all, again, last: Class::First }
    }

    /// Takes a permit for one of the classes that have something to start, or gets in line. In turn, where there is one for
    /// both.
    #[inline]
    pub(super) fn poll_acquire(&mut self, cx: &mut Context<'_>, again: bool, first: bool) -> Poll<Class> {
        // What most starts find: nothing failed, and the permit of the last one is kept.
        if first && !again && self.again.is_at_rest() && self.all.take_kept() {
            self.last = Class::First;
            return Poll::Ready(Class::First);
        }
        self.poll_acquire_in_turn(cx, again, first)
    }

    /// All shards take first one for what is tried again and then one of all, and never wait for the first with the second
    /// in hand: else two could wait for each other for good. Nor do they give the first back while they wait for the
    /// second: else the two could pass by each other without end.
    #[inline(never)]
    fn poll_acquire_in_turn(&mut self, cx: &mut Context<'_>, again: bool, first: bool) -> Poll<Class> {
        if !again {
            self.again.rest();
        } else if !(first && self.last == Class::Again) && self.again.poll_acquire(cx).is_ready() {
            if self.all.poll_acquire(cx).is_ready() {
                self.last = Class::Again;
                return Poll::Ready(Class::Again);
            }
            self.again.keep();
            return Poll::Pending;
        }
        if !first {
            self.all.rest();
            return Poll::Pending;
        }
        std::task::ready!(self.all.poll_acquire(cx));
        // Only a turn that was had counts.
        self.last = Class::First;
        Poll::Ready(Class::First)
    }

    /// Takes one more for a first attempt if it is at hand, where [`poll_acquire`](Self::poll_acquire) has just given one and nothing
    /// that failed before is to be started.
    #[inline]
    pub(super) const fn take_kept(&mut self) -> bool {
        self.all.take_kept()
    }

    /// Takes note of a permit that is no longer used; [`give_back`](Self::give_back) hands it on.
    #[inline]
    pub(super) fn release(&mut self, class: Class) {
        self.all.release();
        if class == Class::Again {
            self.again.release();
        }
    }

    /// Gives the permits back that were released, save those that are kept.
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

/// Of those that nobody waits for. What is not used goes back at the end of the turn.
const TAKEN_AT_ONCE: u32 = 16;

/// A place before one semaphore. A permit that came back is kept for the next start of this turn, so that handlers that are ready at
/// once do not touch what all shards share; where there are many, several are taken together.
struct Line {
    semaphore: Arc<Semaphore>,
    taken_at_once: u32,
    kept: usize,
    /// On their way back, all at once.
    returning: usize,
    /// In line for a permit, when there was none.
    waiting: Option<Waiting>,
}

type Waiting = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

impl Line {
    fn new(semaphore: &Arc<Semaphore>, taken_at_once: u32) -> Self {
        Self { semaphore: Arc::clone(semaphore), taken_at_once, kept: 0, returning: 0, waiting: None }
    }

    #[inline]
    const fn take_kept(&mut self) -> bool {
        if self.kept == 0 {
            return false;
        }
        self.kept -= 1;
        true
    }

    /// Takes a permit, or gets in line for one. First come, first served among the shards.
    fn poll_acquire(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.take_kept() {
            return Poll::Ready(());
        }
        if self.waiting.is_none() {
            for taken in [self.taken_at_once, 1] {
                if let Ok(permits) = self.semaphore.try_acquire_many(taken) {
                    permits.forget();
                    self.kept = taken as usize - 1;
                    return Poll::Ready(());
                }
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

    #[inline]
    fn release(&mut self) {
        if self.waiting.is_some() || self.kept > 0 {
            self.returning += 1;
        } else {
            self.kept = 1;
        }
    }

    fn give_back(&mut self) {
        if self.returning > 0 {
            self.semaphore.add_permits(std::mem::take(&mut self.returning));
        }
    }

    #[inline]
    const fn is_at_rest(&self) -> bool {
        self.waiting.is_none() && self.kept == 0 && self.returning == 0
    }

    /// One that was taken is kept for the next start.
    const fn keep(&mut self) {
        self.kept += 1;
    }

    fn rest(&mut self) {
        self.waiting = None;
        self.returning += std::mem::take(&mut self.kept);
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

    #[test]
    fn two_that_want_both_kinds_neither_stand_still_nor_pass_by_each_other() {
        let limit = Limit::new(1);
        let (mut one, mut other) = (Permits::new(&limit), Permits::new(&limit));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(one.poll_acquire(&mut cx, false, true), Poll::Ready(Class::First));
        assert_eq!(other.poll_acquire(&mut cx, true, false), Poll::Pending);

        one.release(Class::First);
        assert_eq!(one.poll_acquire(&mut cx, true, false), Poll::Pending, "the other was first");
        assert_eq!(other.poll_acquire(&mut cx, true, false), Poll::Ready(Class::Again));
        other.release(Class::Again);
        other.rest();
        assert_eq!(one.poll_acquire(&mut cx, true, false), Poll::Ready(Class::Again));
    }

    #[test]
    fn permits_taken_together_and_not_used_are_the_others_at_the_end_of_the_turn() {
        let limit = Limit::new(20);
        let (mut one, mut other) = (Permits::new(&limit), Permits::new(&limit));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(one.poll_acquire(&mut cx, false, true), Poll::Ready(Class::First));
        one.rest();

        for _ in 0..19 {
            assert_eq!(other.poll_acquire(&mut cx, false, true), Poll::Ready(Class::First));
        }
        assert_eq!(other.poll_acquire(&mut cx, false, true), Poll::Pending);
    }
}
