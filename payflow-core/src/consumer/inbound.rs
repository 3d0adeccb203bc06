//! What a consumer tells: deliveries, and changes of what it holds.

use std::time::Instant;

use super::Deliveries;
use crate::record::Topic;

/// What [`Consumer::receive`](crate::Consumer::receive) adds to. Reused from call to call, so nothing is allocated
/// once it has grown.
#[derive(Debug, Default)]
pub struct Inbound {
    /// What became of the assignment, in order. Holds before the deliveries beside it.
    pub changes: Vec<Change>,
    /// Records, per partition in the order of its log.
    pub deliveries: Deliveries,
    /// Partitions of which everything that is there was handed over.
    pub ends: Vec<PartitionEnd>,
    /// The source is finite and has ended: nothing comes again, unless more of it is assigned. Told once.
    pub ended: bool,
}

impl Inbound {
    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.deliveries.is_empty() && self.ends.is_empty() && !self.ended
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.deliveries.clear();
        self.ends.clear();
        self.ended = false;
    }
}

/// A change of the assignment. Each has at least one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These partitions are ours from now on; deliveries of them follow.
    Assigned(Vec<Assignment>),
    /// These are asked back: start nothing more of them, and return their tokens. They are let go when the last is
    /// back, and at `until` in any case.
    Revoking {
        /// The partitions that are asked back.
        assignments: Vec<Assignment>,
        /// When they are let go whatever is out.
        until: Instant,
    },
    /// These are no longer ours, and may be another's already: their tokens are stale, and nothing of them is committed.
    Lost(Vec<Assignment>),
}

/// A partition in the consumer's hands, by the numbers that its tokens bear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// [`AckToken::slot`](crate::AckToken::slot) of its deliveries.
    pub slot: u32,
    /// [`AckToken::generation`](crate::AckToken::generation) of its deliveries.
    pub generation: u32,
    /// The topic.
    pub topic: Topic,
    /// The partition of the topic.
    pub partition: i32,
}

/// Everything there was in a partition has been handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionEnd {
    /// The partition's slot.
    pub slot: u32,
    /// The slot's generation.
    pub generation: u32,
    /// The offset the next record will have at the least.
    pub offset: i64,
}

/// How much a call may hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Deliveries, at most.
    pub records: usize,
    /// Their [`size_bytes`](crate::Delivery::size_bytes) together, at most.
    pub bytes: usize,
    /// Nothing is held at present, so that the first delivery may be larger than `bytes`. Without this, a record
    /// larger than the whole bound would wait for ever.
    pub first_may_exceed: bool,
}

impl Room {
    /// No deliveries, only changes.
    pub const NONE: Self = Self { records: 0, bytes: 0, first_may_exceed: false };

    /// Whether a delivery of `size_bytes` fits behind `taken` others that hold `taken_bytes`.
    #[must_use]
    pub const fn fits(&self, taken: usize, taken_bytes: usize, size_bytes: usize) -> bool {
        let exceeds = taken_bytes.saturating_add(size_bytes) > self.bytes;
        taken < self.records && (!exceeds || (taken == 0 && self.first_may_exceed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_bounds_records_and_bytes_and_lets_one_giant_through_alone() {
        let room = Room { records: 2, bytes: 10, first_may_exceed: false };
        assert!(room.fits(0, 0, 10));
        assert!(!room.fits(0, 0, 11));
        assert!(room.fits(1, 5, 5));
        assert!(!room.fits(1, 5, 6));
        assert!(!room.fits(2, 0, 0));
        let alone = Room { first_may_exceed: true, ..room };
        assert!(alone.fits(0, 0, 1_000));
        assert!(!alone.fits(1, 5, 6));
        assert!(!Room::NONE.fits(0, 0, 0));
    }
}
