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
    /// Its last message was an error, which moved librdkafka's position past a record that was not handed out.
    faulty: bool,
    end_told: i64,
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
    /// It was read before, unless the log began anew.
    Before,
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
    pub(super) fn add(&mut self, assignments: Vec<Assignment>, from: impl Fn(&Assignment) -> Offset) {
        self.partitions.extend(assignments.into_iter().map(|assignment| {
            let expected = from(&assignment);
            Partition { assignment, expected, faulty: false, end_told: -1 }
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
        match self.partitions.get(index).map(|partition| partition.expected) {
            Some(Offset::Offset(expected)) if offset > expected => Place::Behind { expected },
            Some(Offset::Offset(expected)) if offset < expected => Place::Before,
            _ => Place::Next,
        }
    }

    /// Copies a record of partition `index`.
    pub(super) fn take(&mut self, index: usize, message: &Read<'_>) {
        let Some(partition) = self.partitions.get_mut(index) else {
            return;
        };
        let offset = message.offset();
        partition.expected = Offset::Offset(offset.saturating_add(1));
        partition.faulty = false;
        let Assignment { slot, generation, topic, .. } = &partition.assignment;
        let token = AckToken::new(*slot, *generation, offset);
        self.copier.copy(message, token, topic, &mut self.deliveries);
    }

    /// The last message of partition `index` was an error.
    pub(super) fn note_error(&mut self, index: usize) {
        if let Some(partition) = self.partitions.get_mut(index) {
            partition.faulty = true;
        }
    }

    /// What was read since this was last called.
    pub(super) fn deliveries(&mut self) -> &mut Vec<Delivery> {
        self.copier.seal(&mut self.deliveries);
        &mut self.deliveries
    }

    /// Where to read on, for each partition whose last message was an error.
    pub(super) fn faulty(&mut self) -> Vec<(Topic, i32, Offset)> {
        let mend = |partition: &mut Partition| {
            let Assignment { topic, partition: number, .. } = &partition.assignment;
            std::mem::take(&mut partition.faulty).then(|| (topic.clone(), *number, partition.expected))
        };
        self.partitions.iter_mut().filter_map(mend).collect()
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
            if partition.faulty || position <= partition.end_told {
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
