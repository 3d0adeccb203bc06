//! What a commit makes durable.

use super::group::Place;
use crate::offsets::{FinishedBeyond, InvalidMetadata, OffsetTracker};

/// An offset below which everything is finished, and what says which others are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::memory) struct Committed {
    pub(in crate::memory) offset: i64,
    pub(in crate::memory) metadata: String,
}

/// A commit on its way to the cluster.
#[derive(Debug)]
pub(in crate::memory) struct Commit {
    pub(super) parts: Vec<CommitPart>,
}

#[derive(Debug)]
pub(super) struct CommitPart {
    pub(super) place: Place,
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) committed: Committed,
}

/// A partition whose metadata told a new owner nothing.
#[derive(Debug)]
pub(in crate::memory) struct IgnoredMetadata {
    pub(in crate::memory) place: Place,
    pub(in crate::memory) reason: InvalidMetadata,
}

impl Committed {
    /// What is to be committed now.
    pub(super) fn of(tracker: &OffsetTracker) -> Self {
        let offset = tracker.watermark();
        // The intake stops before anything is left out.
        Self { offset, metadata: tracker.finished_beyond().encode(offset).text }
    }

    /// What is finished beyond the offset.
    pub(super) fn finished_beyond(&self) -> Result<FinishedBeyond, InvalidMetadata> {
        FinishedBeyond::decode(self.offset, &self.metadata)
    }
}
