//! Hands vectors from one task to another.

use std::sync::{Mutex, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

/// Items from any number of senders for one receiver, moved by swapping vectors: no allocation an item, one wake a batch.
///
/// Not bounded by itself: what lies in it is part of what the engine holds, which is.
#[derive(Debug)]
pub(super) struct Mailbox<I> {
    items: Mutex<Vec<I>>,
    receiver: AtomicWaker,
}

impl<I> Mailbox<I> {
    pub(super) const fn new() -> Self {
        Self { items: Mutex::new(Vec::new()), receiver: AtomicWaker::new() }
    }

    /// Puts all of `items` in, and leaves it empty, with memory of an earlier batch.
    pub(super) fn post(&self, items: &mut Vec<I>) {
        if items.is_empty() {
            return;
        }
        self.update(|waiting| {
            if waiting.is_empty() {
                std::mem::swap(waiting, items);
            } else {
                waiting.append(items);
            }
        });
    }

    /// Takes what is there into `into`, which is empty. If nothing is, the task of `cx` is woken when something comes.
    pub(super) fn take(&self, into: &mut Vec<I>, cx: &Context<'_>) {
        self.receiver.register(cx.waker());
        // Only moves happen under the lock, so it cannot be poisoned half-way.
        std::mem::swap(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    fn update(&self, change: impl FnOnce(&mut Vec<I>)) {
        change(&mut self.items.lock().unwrap_or_else(PoisonError::into_inner));
        self.receiver.wake();
    }
}
