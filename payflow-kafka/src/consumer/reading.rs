//! What is read of each partition, and where reading stands.

use payflow_core::{AckToken, Assignment, Deliveries, Topic};
use rdkafka::{Offset, TopicPartitionList};

use super::chunk::Copier;
use crate::native::Read;

/// The partitions that are read, in the order of `list`.
pub(super) struct Reading {
    partitions: Vec<Partition>,
    /// The same partitions, for librdkafka to fill in.
    list: TopicPartitionList,
    /// Messages of one partition come in runs, so the last is looked at first.
    last: Option<Last>,
    copier: Copier,
    /// Read and not handed on.
    deliveries: Deliveries,
}

struct Partition {
    assignment: Assignment,
    /// The offset to read next, at the least; where to begin until something was read.
    expected: Offset,
    /// Leader epoch of the last record, -1 before the first.
    epoch: i32,
    position: Position,
    end_told: i64,
    stale: Option<Stale>,
}

/// What librdkafka knew of a partition's offsets before it was assigned: as long as it knows nothing else, the log may
/// have grown since.
#[derive(Debug, Clone, Copy)]
struct Stale {
    watermarks: Watermarks,
    /// A broker has told another end since, so there is more to read.
    refuted: bool,
}

/// The oldest offset of a partition, and the one behind the newest.
type Watermarks = (i64, i64);

/// How far reading got in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) position: i64,
    /// There is nothing more to read.
    pub(super) at_end: bool,
    /// Where reading was to go on, if what stood there was deleted, and no record will tell.
    pub(super) deleted_from: Option<i64>,
}

/// Whether librdkafka's own position can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    True,
    /// The last message was an error, which moved it past a record that was not handed out: harmless until a pause goes
    /// on from it.
    PastError,
    /// It is not where reading is to go on: nothing is read until it was sought.
    Wrong,
    /// Nothing is read until it is released; then it is wrong.
    HeldBack,
}

#[derive(Clone, Copy)]
struct Last {
    topic_handle: usize,
    partition: i32,
    index: usize,
}

/// How an offset lies to the one expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Next,
    /// Between lie offsets that were never handed out: compacted, transaction markers, or deleted.
    Behind {
        expected: i64,
    },
    /// It was read before, or it is another record at that offset: the log was cut off or begun anew.
    Before,
    /// Where reading is to go on is still to be sought.
    Unsettled,
}

impl Reading {
    pub(super) fn new(copier: Copier) -> Self {
        Self {
            partitions: Vec::new(),
            list: TopicPartitionList::new(),
            last: None,
            copier,
            deliveries: Deliveries::new(),
        }
    }

    /// Reads these too, each from its offset. `watermarks` tells what librdkafka knows of them, before they are assigned
    /// there.
    pub(super) fn add(
        &mut self,
        assignments: impl IntoIterator<Item = (Assignment, Offset)>,
        watermarks: impl Fn(&str, i32) -> Option<Watermarks>,
    ) {
        let from = self.partitions.len();
        self.insert(assignments, Position::True);
        for partition in self.partitions.iter_mut().skip(from) {
            let Assignment { topic, partition: number, .. } = &partition.assignment;
            let known = watermarks(topic.as_str(), *number);
            partition.stale = known.map(|watermarks| Stale { watermarks, refuted: false });
        }
    }

    /// Reads these from `offset` on once librdkafka was told so, whatever it hands out before.
    pub(super) fn add_unsettled(&mut self, assignments: Vec<Assignment>, offset: i64) {
        let from_there = assignments.into_iter().map(|assignment| (assignment, Offset::Offset(offset)));
        self.insert(from_there, Position::Wrong);
    }

    fn insert(&mut self, assignments: impl IntoIterator<Item = (Assignment, Offset)>, position: Position) {
        self.partitions.extend(assignments.into_iter().map(|(assignment, expected)| Partition {
            assignment,
            expected,
            epoch: -1,
            position,
            end_told: -1,
            stale: None,
        }));
        self.arrange();
    }

    /// Reads these no longer.
    pub(super) fn remove(&mut self, slots: &[u32]) {
        self.partitions.retain(|partition| !slots.contains(&partition.assignment.slot));
        self.arrange();
    }

    /// The partition that a message is of; `None` if it is not read, or no longer.
    #[inline]
    pub(super) fn find(&mut self, message: &Read<'_>) -> Option<usize> {
        let (topic_handle, partition) = (message.topic_handle(), message.partition());
        if let Some(last) = self.last
            && last.topic_handle == topic_handle
            && last.partition == partition
        {
            return Some(last.index);
        }
        self.find_anew(message)
    }

    fn find_anew(&mut self, message: &Read<'_>) -> Option<usize> {
        let (topic_handle, partition) = (message.topic_handle(), message.partition());
        let index = self.index_of(message.topic(), partition)?;
        self.last = Some(Last { topic_handle, partition, index });
        Some(index)
    }

    pub(super) fn index_of(&self, topic: &str, partition: i32) -> Option<usize> {
        self.partitions.iter().position(|read| {
            read.assignment.partition == partition && read.assignment.topic.as_str() == topic
        })
    }

    pub(super) fn assignment(&self, index: usize) -> Option<&Assignment> {
        self.partitions.get(index).map(|partition| &partition.assignment)
    }

    /// All that are read.
    pub(super) fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.partitions.iter().map(|partition| &partition.assignment)
    }

    #[inline]
    pub(super) fn place(&self, index: usize, offset: i64) -> Place {
        let Some(partition) = self.partitions.get(index) else {
            return Place::Unsettled;
        };
        match partition.expected {
            _ if matches!(partition.position, Position::Wrong | Position::HeldBack) => Place::Unsettled,
            Offset::Offset(expected) if offset > expected => Place::Behind { expected },
            Offset::Offset(expected) if offset < expected => Place::Before,
            _ => Place::Next,
        }
    }

    /// Whether a record was written under a later leader than the last that was read.
    pub(super) fn is_of_later_leader(&self, index: usize, message: &Read<'_>) -> bool {
        self.partitions
            .get(index)
            .is_some_and(|partition| message.leader_epoch() > partition.epoch && partition.epoch >= 0)
    }

    /// Copies a record of partition `index`.
    #[inline]
    pub(super) fn take(&mut self, index: usize, message: &Read<'_>) {
        let Some(partition) = self.partitions.get_mut(index) else {
            return;
        };
        let offset = message.offset();
        partition.expected = Offset::Offset(offset.saturating_add(1));
        partition.epoch = message.leader_epoch();
        partition.position = Position::True;
        self.copier.copy(message, &partition.assignment, &mut self.deliveries);
    }

    /// Reads nothing of a partition from this record on, until it is [released](Self::release).
    pub(super) fn hold_back(&mut self, from: AckToken) -> Option<&Assignment> {
        let is_it = |partition: &&mut Partition| {
            partition.assignment.slot == from.slot() && partition.assignment.generation == from.generation()
        };
        let partition = self.partitions.iter_mut().find(is_it)?;
        partition.expected = Offset::Offset(from.sequence());
        partition.position = Position::HeldBack;
        Some(&partition.assignment)
    }

    /// Reads a partition again from where it was held back.
    pub(super) fn release(&mut self, slot: u32) {
        let mut held_back = self.partitions.iter_mut().filter(|partition| partition.assignment.slot == slot);
        if let Some(partition) = held_back.next() {
            partition.position = Position::Wrong;
        }
    }

    /// The last message of partition `index` was an error.
    pub(super) fn note_error(&mut self, index: usize) {
        if let Some(partition) = self.partitions.get_mut(index)
            && partition.position == Position::True
        {
            partition.position = Position::PastError;
        }
    }

    /// What was read since this was last called.
    pub(super) fn deliveries(&mut self) -> &mut Deliveries {
        self.copier.seal(&mut self.deliveries);
        &mut self.deliveries
    }

    /// How many bytes were read since this was last called.
    pub(super) fn take_read_bytes(&mut self) -> usize {
        self.copier.take_copied_bytes()
    }

    /// librdkafka has paused and goes on from its positions: those past an error are wrong from now on.
    pub(super) fn note_pause(&mut self) {
        for partition in &mut self.partitions {
            if partition.position == Position::PastError {
                partition.position = Position::Wrong;
            }
        }
    }

    /// Tells librdkafka where to read on, for each partition of which it is to be told; `seek` says whether it was.
    pub(super) fn settle(&mut self, mut seek: impl FnMut(&Topic, i32, Offset) -> bool) {
        for partition in self.partitions.iter_mut().filter(|partition| partition.position == Position::Wrong)
        {
            let Assignment { topic, partition: number, .. } = &partition.assignment;
            if seek(topic, *number, partition.expected) {
                partition.position = Position::True;
            }
        }
    }

    /// Whether librdkafka is to be told where to read on.
    pub(super) fn is_unsettled(&self) -> bool {
        self.partitions.iter().any(|partition| partition.position == Position::Wrong)
    }

    pub(super) const fn list(&mut self) -> &mut TopicPartitionList {
        &mut self.list
    }

    /// Takes note of librdkafka's positions, and shows each partition in which reading got further than its records
    /// tell, or reached a place that was not asked about yet.
    pub(super) fn advance(
        &mut self,
        watermarks: impl Fn(&str, i32) -> Option<Watermarks>,
        mut on_advance: impl FnMut(&Assignment, Reached),
    ) {
        let positions = self.list.elements();
        for (partition, position) in self.partitions.iter_mut().zip(positions) {
            let position = position.offset().to_raw().filter(|position| *position >= 0);
            let reached = match (partition.position, position) {
                (Position::True, Some(position)) => partition.pass(position, &watermarks),
                (Position::True | Position::PastError, _) => partition.find_nothing(&watermarks),
                (Position::Wrong | Position::HeldBack, _) => None,
            };
            if let Some(reached) = reached {
                partition.expected = Offset::Offset(reached.position);
                partition.end_told = reached.position;
                on_advance(&partition.assignment, reached);
            }
        }
    }

    /// The partitions that would be at their end if librdkafka's knowledge of before they were assigned still held, for a
    /// question.
    pub(super) fn unconfirmed(&self) -> Option<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for partition in self.partitions.iter().filter(|partition| partition.is_unconfirmed()) {
            let Assignment { topic, partition: number, .. } = &partition.assignment;
            // Fails for offsets alone that are none.
            let _ = list.add_partition_offset(topic.as_str(), *number, Offset::End);
        }
        (list.count() > 0).then_some(list)
    }

    /// Takes the answer to that question; whether it tells the ends of all.
    pub(super) fn confirm(&mut self, ends: &TopicPartitionList) -> bool {
        let mut all = true;
        for told in ends.elements() {
            let end = told.error().ok().and_then(|()| told.offset().to_raw()).filter(|end| *end >= 0);
            let index = self.index_of(told.topic(), told.partition());
            let partition = index.and_then(|index| self.partitions.get_mut(index));
            match (end, partition) {
                (Some(end), Some(partition)) => partition.confirm(end),
                (None, Some(_)) => all = false,
                (_, None) => {}
            }
        }
        all
    }

    fn arrange(&mut self) {
        self.last = None;
        self.list = TopicPartitionList::with_capacity(self.partitions.len());
        for Partition { assignment, .. } in &self.partitions {
            self.list.add_partition(assignment.topic.as_str(), assignment.partition);
        }
    }
}

impl Partition {
    /// librdkafka has passed all below `position`, whether it was a record or not.
    fn pass(&self, position: i64, watermarks: impl Fn(&str, i32) -> Option<Watermarks>) -> Option<Reached> {
        let is_behind = matches!(self.expected, Offset::Offset(expected) if position < expected);
        if position <= self.end_told || is_behind {
            return None;
        }
        let at_end = self.watermarks(watermarks).is_some_and(|(_, high)| position >= high);
        Some(Reached { position, at_end, deleted_from: None })
    }

    /// librdkafka has passed nothing, and so tells no position: is that since there is nothing to read?
    fn find_nothing(&mut self, watermarks: impl Fn(&str, i32) -> Option<Watermarks>) -> Option<Reached> {
        if matches!(self.expected, Offset::Offset(expected) if expected == self.end_told) {
            return None;
        }
        let known = self.watermarks(watermarks)?;
        if self.stale.is_some_and(|stale| stale.watermarks == known) {
            return None;
        }
        self.stale = None;
        let end = self.end_by(known)?;
        let deleted_from = match self.expected {
            Offset::Offset(expected) if expected < end => Some(expected),
            _ => None,
        };
        Some(Reached { position: end, at_end: true, deleted_from })
    }

    fn is_unconfirmed(&self) -> bool {
        self.stale.is_some_and(|stale| !stale.refuted && self.end_by(stale.watermarks).is_some())
    }

    fn confirm(&mut self, end: i64) {
        self.stale = self.stale.and_then(|Stale { watermarks, .. }| {
            (watermarks.1 != end).then_some(Stale { watermarks, refuted: true })
        });
    }

    /// The log's end, if reading stands there. Beyond it stands who has read another log: librdkafka begins anew.
    fn end_by(&self, (low, high): Watermarks) -> Option<i64> {
        let from = match self.expected {
            Offset::Offset(expected) => expected.max(low),
            // From the beginning.
            _ => low,
        };
        (from == high).then_some(high)
    }

    fn watermarks(&self, known: impl Fn(&str, i32) -> Option<Watermarks>) -> Option<Watermarks> {
        known(self.assignment.topic.as_str(), self.assignment.partition)
    }
}

#[cfg(test)]
mod tests;
