//! What a commit makes durable.

use super::claim::Place;
use crate::offsets::{FinishedBeyond, InvalidMetadata, OffsetTracker};

/// An offset below which everything is finished, and what says which others are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

/// A commit on its way to the cluster.
#[derive(Debug)]
pub(crate) struct Commit {
    /// Later ones have higher numbers.
    pub(super) number: u64,
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
pub(crate) struct IgnoredMetadata {
    pub(crate) place: Place,
    pub(crate) reason: InvalidMetadata,
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
