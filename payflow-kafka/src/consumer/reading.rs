//! What is read of each partition, and where reading stands.

use payflow_core::{AckToken, Assignment, Delivery, Topic};
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
    deliveries: Vec<Delivery>,
}

struct Partition {
    assignment: Assignment,
    /// The offset to read next, at the least; where to begin until something was read.
    expected: Offset,
    /// Leader epoch of the last record, -1 before the first.
    epoch: i32,
    position: Position,
    end_told: i64,
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
            deliveries: Vec::new(),
        }
    }

    /// Reads these too, each from its offset.
    pub(super) fn add(&mut self, assignments: impl IntoIterator<Item = (Assignment, Offset)>) {
        self.insert(assignments, Position::True);
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
        }));
        self.arrange();
    }

    /// Reads these no longer.
    pub(super) fn remove(&mut self, slots: &[u32]) {
        self.partitions.retain(|partition| !slots.contains(&partition.assignment.slot));
        self.arrange();
    }

    /// The partition that a message is of; `None` if it is not read, or no longer.
    pub(super) fn find(&mut self, message: &Read<'_>) -> Option<usize> {
        let (topic_handle, partition) = (message.topic_handle(), message.partition());
        if let Some(last) = self.last
            && last.topic_handle == topic_handle
            && last.partition == partition
        {
            return Some(last.index);
        }
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
    pub(super) fn take(&mut self, index: usize, message: &Read<'_>) {
        let Some(partition) = self.partitions.get_mut(index) else {
            return;
        };
        let offset = message.offset();
        partition.expected = Offset::Offset(offset.saturating_add(1));
        partition.epoch = message.leader_epoch();
        partition.position = Position::True;
        let Assignment { slot, generation, topic, .. } = &partition.assignment;
        let token = AckToken::new(*slot, *generation, offset);
        self.copier.copy(message, token, topic, &mut self.deliveries);
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
    pub(super) fn deliveries(&mut self) -> &mut Vec<Delivery> {
        self.copier.seal(&mut self.deliveries);
        &mut self.deliveries
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
    pub(super) fn advance(&mut self, mut on_advance: impl FnMut(&Assignment, i64)) {
        let positions = self.list.elements();
        for (partition, position) in self.partitions.iter_mut().zip(positions) {
            let Some(position) = position.offset().to_raw().filter(|position| *position >= 0) else {
                continue;
            };
            if partition.position != Position::True || position <= partition.end_told {
                continue;
            }
            if matches!(partition.expected, Offset::Offset(expected) if position < expected) {
                continue;
            }
            partition.expected = Offset::Offset(position);
            partition.end_told = position;
            on_advance(&partition.assignment, position);
        }
    }

    fn arrange(&mut self) {
        self.last = None;
        self.list = TopicPartitionList::with_capacity(self.partitions.len());
        for Partition { assignment, .. } in &self.partitions {
            self.list.add_partition(assignment.topic.as_str(), assignment.partition);
        }
    }
}
