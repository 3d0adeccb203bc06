//! What happens next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Events by time; at the same time, in the order in which they were put in.
#[derive(Debug)]
pub(super) struct Queue<E> {
    entries: BinaryHeap<Reverse<Entry<E>>>,
    numbers: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Duration,
    number: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(super) const fn new() -> Self {
        Self { entries: BinaryHeap::new(), numbers: 0 }
    }

    pub(super) fn push(&mut self, at: Duration, event: E) {
        self.numbers += 1;
        self.entries.push(Reverse(Entry { at, number: self.numbers, event }));
    }

    /// The next event, and when it was due.
    pub(super) fn pop(&mut self) -> Option<(Duration, E)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_at_the_same_time_keep_their_order() {
        let mut queue = Queue::new();
        let at = Duration::from_secs;
        for (seconds, event) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b')] {
            queue.push(at(seconds), event);
        }
        let events: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(events, "abcd");
    }
}
