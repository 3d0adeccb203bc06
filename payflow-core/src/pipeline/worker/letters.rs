//! What a worker has been sent and has not looked at yet.

use std::collections::VecDeque;
use std::time::Instant;

use crate::pipeline::engine::ToShard;
use crate::pipeline::lanes::Routed;

/// Letters in the order they came, batch by batch.
#[derive(Debug)]
pub(super) struct Letters {
    /// Empty only if all are.
    current: Batch,
    /// When it came.
    since: Instant,
    /// None of them is empty.
    further: VecDeque<(Instant, Batch)>,
}

type Batch = VecDeque<ToShard>;

impl Letters {
    pub(super) const fn new(now: Instant) -> Self {
        Self { current: Batch::new(), since: now, further: VecDeque::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// When the next one came.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// The next one, if it is a delivery.
    pub(super) fn next_delivery(&self) -> Option<&Routed> {
        match self.current.front()? {
            ToShard::Deliver(routed) => Some(routed),
            _ => None,
        }
    }

    pub(super) fn add(&mut self, batch: Batch, now: Instant, emptied: &mut Vec<Batch>) {
        if batch.is_empty() {
            emptied.push(batch);
        } else if self.current.is_empty() {
            self.since = now;
            emptied.push(std::mem::replace(&mut self.current, batch));
        } else {
            self.further.push_back((now, batch));
        }
    }

    /// The next one; a batch that is empty now goes to `emptied`.
    // Always: for each message.
    #[inline(always)]
    pub(super) fn next(&mut self, emptied: &mut Vec<Batch>) -> Option<ToShard> {
        let letter = self.current.pop_front();
        if self.current.is_empty() {
            self.turn_over(emptied);
        }
        letter
    }

    #[cold]
    fn turn_over(&mut self, emptied: &mut Vec<Batch>) {
        if let Some((since, next)) = self.further.pop_front() {
            self.since = since;
            emptied.push(std::mem::replace(&mut self.current, next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_order_and_their_memory_comes_back() {
        let now = Instant::now();
        let (mut letters, mut emptied) = (Letters::new(now), Vec::new());
        for batch in [vec![1, 2], vec![], vec![3]] {
            letters.add(batch.into_iter().map(|slot| ToShard::Stop(Some(slot))).collect(), now, &mut emptied);
        }
        let mut read = Vec::new();
        while let Some(ToShard::Stop(slot)) = letters.next(&mut emptied) {
            assert_eq!(letters.is_empty(), slot == Some(3));
            read.extend(slot);
        }
        assert_eq!(read, [1, 2, 3]);
        assert!(emptied.iter().all(VecDeque::is_empty));
        assert_eq!(emptied.len(), 3, "the first it had itself, the empty one, and the first that was read");
    }
}
