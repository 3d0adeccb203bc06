//! How much of what a pipeline holds.

/// Records and bytes: what a lane holds, or may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::pipeline) struct LaneShare {
    pub(in crate::pipeline) records: usize,
    pub(in crate::pipeline) bytes: usize,
}

impl LaneShare {
    /// A lane may hold the whole divided by this: one that is stuck leaves the others seven eighths.
    pub(in crate::pipeline) const PART: usize = 8;

    /// How many records a lane may hold while its head lies [`OLD_AFTER`](Self::OLD_AFTER) offsets back. Each that grows
    /// twice as old takes of the room for what a commit says of its partition, which has room for about 160 of all lanes
    /// ([`OffsetTracker`](crate::OffsetTracker)).
    pub(super) const OLD_RECORDS: usize = 160 / Self::PART;
    /// Half of the youngest offsets of a partition, which cost nothing more: there is the other half to act in.
    pub(super) const OLD_AFTER: i64 = 8_192;
    /// After so many offsets of a partition the shards are told how far it has come.
    pub(in crate::pipeline) const TOLD_EVERY: i64 = 4_096;

    /// The share of a pipeline's bounds.
    pub(in crate::pipeline) fn of_bounds(records_max: usize, bytes_max: usize) -> Self {
        Self { records: (records_max / Self::PART).max(2), bytes: bytes_max / Self::PART }
    }

    /// One record.
    pub(super) const fn of(size_bytes: usize) -> Self {
        Self { records: 1, bytes: size_bytes }
    }

    pub(super) const fn add(&mut self, size_bytes: usize) {
        self.records += 1;
        self.bytes += size_bytes;
    }

    pub(super) const fn remove(&mut self, size_bytes: usize) {
        self.records -= 1;
        self.bytes -= size_bytes;
    }

    /// Whether it is as much as `share`, in records or in bytes.
    pub(super) const fn reaches(&self, share: &Self) -> bool {
        self.records >= share.records || self.bytes >= share.bytes
    }
}
