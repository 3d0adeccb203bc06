//! What a worker has been sent and has not looked at yet.

use std::collections::VecDeque;

use crate::pipeline::engine::ToShard;

/// Letters in the order they came, batch by batch.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// Empty only if all are.
    current: VecDeque<ToShard>,
    /// None of them is empty.
    further: VecDeque<VecDeque<ToShard>>,
}

impl Letters {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    pub(super) fn add(&mut self, batch: VecDeque<ToShard>, emptied: &mut Vec<VecDeque<ToShard>>) {
        if batch.is_empty() {
            emptied.push(batch);
        } else if self.current.is_empty() {
            emptied.push(std::mem::replace(&mut self.current, batch));
        } else {
            self.further.push_back(batch);
        }
    }

    /// The next one; a batch that is empty now goes to `emptied`.
    #[inline]
    pub(super) fn next(&mut self, emptied: &mut Vec<VecDeque<ToShard>>) -> Option<ToShard> {
        let letter = self.current.pop_front();
        if self.current.is_empty()
            && let Some(next) = self.further.pop_front()
        {
            emptied.push(std::mem::replace(&mut self.current, next));
        }
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_order_and_their_memory_comes_back() {
        let (mut letters, mut emptied) = (Letters::default(), Vec::new());
        for batch in [vec![1, 2], vec![], vec![3]] {
            letters.add(batch.into_iter().map(|slot| ToShard::Stop(Some(slot))).collect(), &mut emptied);
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
