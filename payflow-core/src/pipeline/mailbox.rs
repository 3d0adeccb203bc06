//! Hands batches from one task to another.

use std::sync::{Mutex, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

/// Batches `B` from any number of senders for one receiver: no allocation and no copy an item, one wake a batch.
///
/// Not bounded by itself: what lies in it is part of what the engine holds, which is.
#[derive(Debug)]
pub(super) struct Mailbox<B> {
    batches: Mutex<Batches<B>>,
    receiver: AtomicWaker,
}

#[derive(Debug)]
struct Batches<B> {
    posted: Vec<B>,
    /// Empty ones, with the memory of earlier batches.
    spare: Vec<B>,
}

impl<B: Default> Mailbox<B> {
    pub(super) const fn new() -> Self {
        let batches = Batches { posted: Vec::new(), spare: Vec::new() };
        Self { batches: Mutex::new(batches), receiver: AtomicWaker::new() }
    }

    /// Puts a batch in, and leaves an empty one, with memory of an earlier batch.
    pub(super) fn post(&self, batch: &mut B) {
        self.update(|batches| {
            let spare = batches.spare.pop().unwrap_or_default();
            batches.posted.push(std::mem::replace(batch, spare));
        });
    }

    /// Takes the batches that are there into `into`, which holds empty ones at most; those go back for later use. If none
    /// is there, the task of `cx` is woken when one comes.
    pub(super) fn take(&self, into: &mut Vec<B>, cx: &Context<'_>) {
        self.receiver.register(cx.waker());
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.spare.append(into);
        batches.spare.truncate(SPARE_MAX);
        std::mem::swap(&mut batches.posted, into);
    }

    fn update(&self, change: impl FnOnce(&mut Batches<B>)) {
        // Only moves happen under the lock, so it cannot be poisoned half-way.
        change(&mut self.batches.lock().unwrap_or_else(PoisonError::into_inner));
        self.receiver.wake();
    }
}

/// Empty batches that are kept.
const SPARE_MAX: usize = 64;
