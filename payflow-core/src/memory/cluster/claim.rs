//! What a group has of a partition.

use super::commit::Committed;
use super::member::{Holding, MemberId};
use super::partition_log::PartitionLog;
use crate::offsets::{FinishedBeyond, InvalidMetadata};
use crate::record::Topic;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) topic: Topic,
    pub(crate) partition: i32,
}

/// What a group has of a partition.
#[derive(Debug, Default)]
pub(super) struct Claim {
    pub(super) committed: Option<Committed>,
    pub(super) owner: Option<MemberId>,
    /// Who is to own it: its owner, unless it is on its way.
    pub(super) target: Option<MemberId>,
}

/// Where a new owner goes on.
#[derive(Debug)]
pub(super) struct Resumption {
    pub(super) position: i64,
    pub(super) finished: Result<FinishedBeyond, InvalidMetadata>,
}

impl Claim {
    /// The owner lets go, and commits what is finished as it does.
    pub(super) fn let_go(&mut self, holding: &Holding) {
        if let Some(committed) = holding.uncommitted() {
            self.committed = Some(committed);
        }
        self.owner = None;
    }

    /// Where a new owner goes on: at the oldest record if nothing is committed, or what is was never written. What was
    /// deleted behind a commit is passed over in reading, as a gap.
    pub(super) fn resumption(&self, log: &PartitionLog) -> Resumption {
        match &self.committed {
            Some(committed) if (0..=log.end()).contains(&committed.offset) => {
                Resumption { position: committed.offset, finished: committed.finished_beyond() }
            }
            // What it says is said of another log.
            Some(_) | None => Resumption { position: log.start(), finished: Ok(FinishedBeyond::none()) },
        }
    }
}
