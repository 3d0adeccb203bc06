//! Which partitions of the dead-letter topic are held, and how far each was read. Pure.

use crate::consumer::{AckToken, Assignment, PartitionEnd};
use crate::record::Topic;

/// The partitions held at present.
#[derive(Debug, Default)]
pub(super) struct Partitions(Vec<Partition>);

#[derive(Debug)]
struct Partition {
    assignment: Assignment,
    /// Where it ended when the redrive began, if that was told.
    end: Option<i64>,
    done: bool,
}

impl Partitions {
    pub(super) fn assign(&mut self, assignments: Vec<Assignment>, ends: &[(Topic, i32, i64)]) {
        for assignment in assignments {
            let is_it = |(topic, partition, _): &&(Topic, i32, i64)| {
                *topic == assignment.topic && *partition == assignment.partition
            };
            let end = ends.iter().find(is_it).map(|(_, _, end)| *end);
            // Nothing was there: nothing is to be waited for.
            let done = end == Some(0);
            self.0.push(Partition { assignment, end, done });
        }
    }

    /// They are asked back, or gone: nothing more of them is begun.
    pub(super) fn remove(&mut self, assignments: &[Assignment]) {
        self.0.retain(|partition| !assignments.contains(&partition.assignment));
    }

    /// Takes note of a delivery, and says whether it is to be looked at: it is ours, and was there at the beginning.
    pub(super) fn receive(&mut self, token: AckToken, offset: i64) -> bool {
        let Some(partition) = self.0.iter_mut().find(|partition| partition.is(token)) else {
            return false;
        };
        let is_within = partition.end.is_none_or(|end| offset < end);
        partition.done |= partition.end.is_some_and(|end| offset.saturating_add(1) >= end);
        is_within
    }

    /// Everything that is in a partition was received.
    pub(super) fn end(&mut self, end: PartitionEnd) {
        let token = AckToken::new(end.slot, end.generation, end.offset);
        for partition in self.0.iter_mut().filter(|partition| partition.is(token)) {
            partition.done = true;
        }
    }

    /// Whether letters of its partition may be begun.
    pub(super) fn holds(&self, token: AckToken) -> bool {
        self.0.iter().any(|partition| partition.is(token))
    }

    /// Whether there is one, and all are read to where they ended.
    pub(super) fn are_done(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|partition| partition.done)
    }

    /// How many are held.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Those not read to where they ended.
    pub(super) fn not_done(&self) -> impl Iterator<Item = i32> {
        self.0.iter().filter(|partition| !partition.done).map(|partition| partition.assignment.partition)
    }
}

impl Partition {
    const fn is(&self, token: AckToken) -> bool {
        self.assignment.slot == token.slot() && self.assignment.generation == token.generation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(slot: u32) -> Assignment {
        let topic = Topic::parse("dead").unwrap();
        Assignment { slot, generation: 1, topic, partition: i32::try_from(slot).unwrap() }
    }

    fn held(slots: u32, ends: &[(Topic, i32, i64)]) -> Partitions {
        let mut partitions = Partitions::default();
        partitions.assign((0..slots).map(assignment).collect(), ends);
        partitions
    }

    #[test]
    fn done_when_each_was_read_to_its_end_and_not_before_there_is_one() {
        assert!(!Partitions::default().are_done());
        let mut partitions = held(2, &[]);
        partitions.end(PartitionEnd { slot: 0, generation: 1, offset: 0 });
        assert!(!partitions.are_done());
        partitions.end(PartitionEnd { slot: 1, generation: 0, offset: 0 });
        assert!(!partitions.are_done(), "an end of an assignment that is over");
        partitions.end(PartitionEnd { slot: 1, generation: 1, offset: 0 });
        assert!(partitions.are_done());
    }

    #[test]
    fn what_came_after_the_beginning_is_not_looked_at() {
        let topic = Topic::parse("dead").unwrap();
        let mut partitions = held(2, &[(topic.clone(), 0, 2), (topic, 1, 0)]);
        assert!(partitions.receive(AckToken::new(0, 1, 0), 0) && !partitions.are_done());
        assert!(partitions.receive(AckToken::new(0, 1, 1), 1) && partitions.are_done());
        assert!(!partitions.receive(AckToken::new(0, 1, 2), 2));
    }

    #[test]
    fn nothing_is_begun_of_what_is_asked_back_or_gone() {
        let mut partitions = held(2, &[]);
        partitions.remove(&[assignment(0)]);
        assert!(!partitions.holds(AckToken::new(0, 1, 0)) && partitions.holds(AckToken::new(1, 1, 0)));
        assert!(!partitions.receive(AckToken::new(0, 1, 0), 0));
        assert_eq!((partitions.len(), partitions.not_done().collect::<Vec<_>>()), (1, vec![1]));
    }
}
