//! Deliveries that a worker was sent and has not looked at yet.

use std::collections::VecDeque;
use std::time::Instant;

use crate::pipeline::lanes::Routed;

/// Deliveries in the order they came, batch by batch.
#[derive(Debug)]
pub(super) struct Letters {
    current: Batch,
    /// When it came.
    since: Instant,
    /// None of them is empty.
    further: VecDeque<(Instant, Batch)>,
    /// Memory of batches that were read.
    spare: Vec<Batch>,
}

/// The first is the last: it is taken from there.
type Batch = Vec<Routed>;

/// Batches whose memory is kept.
const SPARE_MAX: usize = 64;

impl Letters {
    pub(super) const fn new(now: Instant) -> Self {
        Self { current: Batch::new(), since: now, further: VecDeque::new(), spare: Vec::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty() && self.further.is_empty()
    }

    /// Takes them all, and leaves memory of earlier ones.
    pub(super) fn add(&mut self, deliveries: &mut Vec<Routed>, now: Instant) {
        if deliveries.is_empty() {
            return;
        }
        deliveries.reverse();
        let batch = std::mem::replace(deliveries, self.spare.pop().unwrap_or_default());
        self.further.push_back((now, batch));
    }

    /// The next one.
    // Always: for each message.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<Routed> {
        if self.current.is_empty() {
            self.turn_over();
        }
        self.current.pop()
    }

    /// When the one came that was taken last.
    #[inline]
    pub(super) const fn since(&self) -> &Instant {
        &self.since
    }

    /// The next one, and when it came.
    pub(super) fn peek(&self) -> Option<(Instant, &Routed)> {
        let further = || self.further.front().and_then(|(since, batch)| Some((*since, batch.last()?)));
        self.current.last().map(|routed| (self.since, routed)).or_else(further)
    }

    #[cold]
    fn turn_over(&mut self) {
        if let Some((since, next)) = self.further.pop_front() {
            self.since = since;
            let read = std::mem::replace(&mut self.current, next);
            if self.spare.len() < SPARE_MAX {
                self.spare.push(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::consumer::{AckToken, Delivery};
    use crate::record::{Content, Topic};

    fn routed(offset: i64) -> Routed {
        let delivery = Delivery {
            token: AckToken::new(0, 0, offset),
            topic: Topic::parse("t").unwrap(),
            partition: 0,
            offset,
            timestamp_ms: None,
            content: Content::EMPTY,
        };
        Routed { hash: 0, delivery: Arc::new(delivery) }
    }

    #[test]
    fn deliveries_come_in_order_and_since_when_and_their_memory_comes_back() {
        let start = Instant::now();
        let mut letters = Letters::new(start);
        for (second, batch) in (1..).zip([vec![1, 2], vec![], vec![3]]) {
            let mut deliveries: Vec<Routed> = batch.into_iter().map(routed).collect();
            letters.add(&mut deliveries, start + Duration::from_secs(second));
            assert!(deliveries.is_empty());
        }
        let mut read = Vec::new();
        while let Some((since, peeked)) =
            letters.peek().map(|(since, routed)| (since, routed.delivery.offset))
        {
            let next = letters.next().unwrap();
            assert_eq!((next.delivery.offset, *letters.since()), (peeked, since));
            read.push((peeked, since.duration_since(start).as_secs()));
        }
        assert_eq!(read, [(1, 1), (2, 1), (3, 3)]);
        assert!(letters.is_empty() && letters.next().is_none());
        assert_eq!(letters.spare.len(), 2, "what it began with, and the first that was read");

        let mut deliveries = vec![routed(4)];
        letters.add(&mut deliveries, start);
        assert!(deliveries.capacity() > 0, "memory of an earlier batch");
    }
}
