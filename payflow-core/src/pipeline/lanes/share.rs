//! How much of what a pipeline holds.

/// Records and bytes: what a lane holds, or may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::pipeline) struct LaneShare {
    pub(in crate::pipeline) records: usize,
    pub(in crate::pipeline) bytes: usize,
}

impl LaneShare {
    /// An eighth of the bounds of a pipeline: one lane that is stuck leaves the others seven.
    pub(in crate::pipeline) fn of_bounds(records_max: usize, bytes_max: usize) -> Self {
        Self { records: (records_max / 8).max(2), bytes: bytes_max / 8 }
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
