//! What is read of each partition, and where reading stands.

mod reached;

use std::mem;

use payflow_core::{AckToken, Assignment, Deliveries, Topic};
use rdkafka::{Offset, TopicPartitionList};

use super::chunk::Copier;
use crate::native::Read;
use reached::Stale;
pub(super) use reached::{Reached, Watermarks};

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
    /// Found to be read anew, which was not carried out.
    anew: Vec<Anew>,
}

/// A partition whose log was cut off or begun anew, and where it is to be read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anew {
    pub(super) slot: u32,
    pub(super) offset: i64,
}

struct Partition {
    assignment: Assignment,
    /// The offset to read next, at the least; where to begin until something was read.
    expected: Offset,
    /// Leader epoch of the last record, -1 before the first.
    epoch: i32,
    position: Position,
    /// librdkafka has paused since the last record: it may hand out again what it was handing out then.
    may_repeat: bool,
    end_told: i64,
    stale: Option<Stale>,
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
            anew: Vec::new(),
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

    /// Reads this one from `offset` on once librdkafka was told so, whatever it hands out before.
    pub(super) fn add_unsettled(&mut self, assignment: Assignment, offset: i64) {
        self.insert([(assignment, Offset::Offset(offset))], Position::Wrong);
    }

    fn insert(&mut self, assignments: impl IntoIterator<Item = (Assignment, Offset)>, position: Position) {
        self.partitions.extend(assignments.into_iter().map(|(assignment, expected)| Partition {
            assignment,
            expected,
            epoch: -1,
            position,
            may_repeat: false,
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

    /// Whether a record that lies before the one expected is of another log: the one read so far was cut off or begun anew.
    /// `known` is what the last fetch told.
    ///
    /// Of one log, librdkafka hands out again only what a read was taking while it paused, and that comes first after the
    /// pause. It lies above the oldest record, is of no later leader, and its log ends no earlier than where reading stands.
    /// The end of a broker that has just come to lead, or does not lead, may lag behind that for a moment: what is repeated
    /// just then is taken for another log, and so read again. The other way round it would be lost.
    pub(super) fn is_of_another_log(
        &self,
        index: usize,
        offset: i64,
        epoch: i32,
        known: Option<Watermarks>,
    ) -> bool {
        let Some(partition) = self.partitions.get(index) else {
            return false;
        };
        let is_of_later_leader = epoch > partition.epoch && partition.epoch >= 0;
        let ends_before = |end| matches!(partition.expected, Offset::Offset(expected) if end < expected);
        !partition.may_repeat
            || is_of_later_leader
            || known.is_some_and(|(low, high)| low == offset || ends_before(high))
    }

    /// Partition `index` is to be read anew from `offset` on: nothing more of it is taken until then.
    pub(super) fn note_anew(&mut self, index: usize, offset: i64) {
        if let Some(partition) = self.partitions.get_mut(index) {
            partition.position = Position::Wrong;
            self.anew.push(Anew { slot: partition.assignment.slot, offset });
        }
    }

    /// Whether a partition is to be read anew.
    pub(super) const fn begins_anew(&self) -> bool {
        !self.anew.is_empty()
    }

    /// The partitions that are to be read anew.
    pub(super) fn take_anew(&mut self) -> Vec<Anew> {
        mem::take(&mut self.anew)
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
        partition.may_repeat = false;
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
            partition.may_repeat = true;
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
                partition.may_repeat = false;
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

#[cfg(test)]
mod tests;
