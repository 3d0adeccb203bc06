//! Deliveries that are handed on without being moved, in memory that is used again.

use std::fmt;
use std::iter::Map;
use std::ops::Index;
use std::slice;
use std::sync::Arc;
use std::vec;

use super::{AckToken, Assignment, Delivery};
use crate::record::{Content, Topic};

/// Deliveries in the order in which they were handed over.
///
/// Adapters [push](Self::push) them. Each is written where it stays until its handler has ended, into the memory of one
/// that is finished, so nothing is allocated or moved for it in the long run.
#[derive(Default)]
pub struct Deliveries {
    held: Vec<Arc<Delivery>>,
    /// Emptied, and nobody else's.
    spare: Vec<Arc<Delivery>>,
}

impl Deliveries {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: Vec::new(), spare: Vec::new() }
    }

    /// Adds one behind those that are there.
    #[inline]
    pub fn push(&mut self, delivery: Delivery) {
        let Delivery { token, topic, partition, offset, timestamp_ms, content } = delivery;
        self.write(token, &topic, partition, offset, timestamp_ms, content);
    }

    /// For transports that are logs: adds the record at `offset` of a partition behind those that are there. The offset is its
    /// token's sequence.
    // Always: what is pushed is mostly made in the call, and then written once.
    #[inline(always)]
    pub fn push_record(&mut self, of: &Assignment, offset: i64, timestamp_ms: Option<i64>, content: Content) {
        let token = AckToken::new(of.slot, of.generation, offset);
        self.write(token, &of.topic, of.partition, offset, timestamp_ms, content);
    }

    /// In pieces, so that it is not put together anywhere but in its place, and most often counts no reference to its topic.
    #[inline(always)]
    fn write(
        &mut self,
        token: AckToken,
        topic: &Topic,
        partition: i32,
        offset: i64,
        timestamp_ms: Option<i64>,
        content: Content,
    ) {
        let mut place = self.spare.pop();
        match place.as_mut().and_then(Arc::get_mut) {
            Some(room) => {
                room.token = token;
                if !room.topic.is_same(topic) {
                    room.topic = topic.clone();
                }
                room.partition = partition;
                room.offset = offset;
                room.timestamp_ms = timestamp_ms;
                room.content = content;
            }
            None => {
                let topic = topic.clone();
                place = Some(Arc::new(Delivery { token, topic, partition, offset, timestamp_ms, content }));
            }
        }
        self.held.extend(place);
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&Delivery> {
        self.held.first().map(|delivery| &**delivery)
    }

    /// The last.
    #[must_use]
    pub fn last(&self) -> Option<&Delivery> {
        self.held.last().map(|delivery| &**delivery)
    }

    /// All, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Delivery> + Clone {
        self.into_iter()
    }

    /// All, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.held.iter_mut().map(Arc::make_mut)
    }

    /// Takes all out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Delivery> {
        self.held.drain(..).map(Arc::unwrap_or_clone)
    }

    /// Takes all out of `other`, and adds them behind those that are there.
    pub fn append(&mut self, other: &mut Self) {
        self.held.append(&mut other.held);
    }

    /// Takes the first `count` out of `other`, or all if there are fewer, and adds them behind those that are there.
    pub fn append_front(&mut self, other: &mut Self, count: usize) {
        let count = count.min(other.held.len());
        self.held.extend(other.held.drain(..count));
    }

    /// Takes the memory of finished ones that `other` has. An adapter that fills deliveries elsewhere than in what it is given to
    /// [receive](crate::Consumer::receive) into takes it from there, else it would never come back to where it is needed.
    pub fn take_spare(&mut self, other: &mut Self) {
        self.spare.append(&mut other.spare);
    }

    /// Keeps those alone for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Delivery) -> bool) {
        self.held.retain(|delivery| keep(delivery));
    }

    /// Lets go of all of them, and keeps the memory.
    pub fn clear(&mut self) {
        self.spare.extend(self.held.drain(..).filter_map(emptied));
    }

    /// Takes all out, in order, as they lie.
    pub(crate) fn drain_shared(&mut self) -> vec::Drain<'_, Arc<Delivery>> {
        self.held.drain(..)
    }

    /// Gives memory for those to come: what [`emptied`] gave.
    pub(crate) fn restock(&mut self, spare: &mut Vec<Arc<Delivery>>) {
        // In no order: the fewer are copied.
        if self.spare.len() < spare.len() {
            std::mem::swap(&mut self.spare, spare);
        }
        self.spare.append(spare);
    }
}

/// Lets go of the bytes of a delivery. `None` if somebody else has kept it: then they are theirs.
#[inline]
pub(crate) fn emptied(mut shared: Arc<Delivery>) -> Option<Arc<Delivery>> {
    Arc::get_mut(&mut shared)?.content = Content::EMPTY;
    Some(shared)
}

/// Deliveries, one after another.
type Iter<'a> = Map<slice::Iter<'a, Arc<Delivery>>, fn(&'a Arc<Delivery>) -> &'a Delivery>;

impl<'a> IntoIterator for &'a Deliveries {
    type Item = &'a Delivery;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.held.iter().map(|delivery| &**delivery)
    }
}

impl IntoIterator for Deliveries {
    type Item = Delivery;
    type IntoIter = Map<vec::IntoIter<Arc<Delivery>>, fn(Arc<Delivery>) -> Delivery>;

    fn into_iter(self) -> Self::IntoIter {
        self.held.into_iter().map(Arc::unwrap_or_clone)
    }
}

impl Extend<Delivery> for Deliveries {
    fn extend<I: IntoIterator<Item = Delivery>>(&mut self, deliveries: I) {
        deliveries.into_iter().for_each(|delivery| self.push(delivery));
    }
}

impl FromIterator<Delivery> for Deliveries {
    fn from_iter<I: IntoIterator<Item = Delivery>>(deliveries: I) -> Self {
        Self { held: deliveries.into_iter().map(Arc::new).collect(), spare: Vec::new() }
    }
}

impl Index<usize> for Deliveries {
    type Output = Delivery;

    /// # Panics
    /// There are not so many.
    fn index(&self, index: usize) -> &Delivery {
        &self.held[index]
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;

    fn delivery(topic: &Topic, offset: i64) -> Delivery {
        Delivery {
            token: AckToken::new(0, 0, offset),
            topic: topic.clone(),
            partition: 0,
            offset,
            timestamp_ms: None,
            content: Content::new(Some(b"key"), Some(b"value"), &Headers::new()),
        }
    }

    #[test]
    fn what_came_back_lets_go_of_its_bytes_and_is_used_again() {
        let (one, other) = (Topic::parse("t").unwrap(), Topic::parse("u").unwrap());
        let mut deliveries: Deliveries = [delivery(&one, 1)].into_iter().collect();
        let shared = deliveries.drain_shared().next().unwrap();
        let place = Arc::as_ptr(&shared);
        let mut back: Vec<_> = emptied(shared).into_iter().collect();
        assert_eq!(back[0].content, Content::EMPTY);

        deliveries.restock(&mut back);
        deliveries.push(delivery(&other, 2));
        assert_eq!(Arc::as_ptr(&deliveries.held[0]), place);
        assert_eq!(deliveries[0], delivery(&other, 2));
    }

    #[test]
    fn what_a_handler_keeps_stays_whole() {
        let topic = Topic::parse("t").unwrap();
        let mut deliveries: Deliveries = [delivery(&topic, 1)].into_iter().collect();
        let shared = deliveries.drain_shared().next().unwrap();
        let kept = Arc::clone(&shared);
        assert!(emptied(shared).is_none());
        deliveries.push(delivery(&topic, 2));
        assert_eq!((&*kept, &deliveries[0]), (&delivery(&topic, 1), &delivery(&topic, 2)));
    }

    #[test]
    fn memory_goes_back_to_where_deliveries_come_from() {
        let topic = Topic::parse("t").unwrap();
        let (mut filled, mut handed_over) = (Deliveries::new(), Deliveries::new());
        let mut places = Vec::new();
        for round in 0..3 {
            filled.extend((0..4).map(|offset| delivery(&topic, 10 * round + offset)));
            places.extend(filled.held.iter().map(Arc::as_ptr));
            handed_over.append_front(&mut filled, 3);
            handed_over.append_front(&mut filled, 3);
            let offsets: Vec<i64> = handed_over.iter().map(|delivery| delivery.offset).collect();
            assert_eq!(offsets, [0, 1, 2, 3].map(|offset| 10 * round + offset));
            handed_over.clear();
            filled.take_spare(&mut handed_over);
        }
        places.sort_unstable();
        places.dedup();
        assert_eq!((places.len(), filled.spare.len()), (4, 4));
    }

    #[test]
    fn a_record_of_a_partition_bears_its_assignment_and_its_offset() {
        let assignment = |topic: &str, slot| Assignment {
            slot,
            generation: slot + 1,
            topic: Topic::parse(topic).unwrap(),
            partition: 4,
        };
        let mut deliveries = Deliveries::new();
        for _ in 0..2 {
            for (assignment, offset) in [(assignment("t", 1), 7), (assignment("u", 2), 9)] {
                let record = delivery(&assignment.topic, offset);
                deliveries.push_record(&assignment, offset, Some(5), record.content.clone());
                let token = AckToken::new(assignment.slot, assignment.slot + 1, offset);
                let pushed = Delivery { token, partition: 4, timestamp_ms: Some(5), ..record };
                assert_eq!(deliveries.last(), Some(&pushed));
            }
            deliveries.clear();
        }
    }

    #[test]
    fn what_is_cleared_is_memory_for_the_next() {
        let topic = Topic::parse("t").unwrap();
        let mut deliveries = Deliveries::new();
        deliveries.extend((0..3).map(|offset| delivery(&topic, offset)));
        deliveries.clear();
        assert_eq!((deliveries.len(), deliveries.spare.len()), (0, 3));
        deliveries.push(delivery(&topic, 7));
        assert_eq!((deliveries.len(), deliveries.spare.len()), (1, 2));
        assert_eq!(deliveries[0], delivery(&topic, 7));
    }
}
