//! Who has a partition, and how far it has come.

use std::collections::BTreeMap;
use std::time::Duration;

use super::records::Records;

/// One assignment of a partition to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner<'a> {
    pub(super) process: &'a str,
    pub(super) assignment: u32,
}

/// What became of a partition under its owner. An owner is known by the first record that it starts.
#[derive(Debug, Default)]
pub(super) struct Ownership<'a> {
    owner: Option<Owner<'a>>,
    /// Where it began: it has no business below.
    base: i64,
    /// Where those before it had come to, committed or not.
    former: i64,
    /// What it has finished, and when.
    finished: BTreeMap<i64, Duration>,
    /// What was committed when its process was killed.
    committed: Option<i64>,
}

impl<'a> Ownership<'a> {
    /// The owner starts a record; it may be a new one, which begins where the one before it has come to. One that was killed
    /// had committed less.
    pub(super) fn started_by(&mut self, owner: Owner<'a>, partition: i32, records: &Records<'a>) {
        if self.owner == Some(owner) {
            return;
        }
        let watermark = self.watermark(partition, records);
        let (base, former) = (self.committed.unwrap_or(watermark), self.former.max(watermark));
        *self = Self { owner: Some(owner), base, former, ..Self::default() };
    }

    /// A record was finished that this owner had started.
    pub(super) fn finished_by(&mut self, owner: Owner<'a>, offset: i64, at: Duration) {
        if self.owner == Some(owner) {
            self.finished.insert(offset, at);
        }
    }

    pub(super) fn has_finished(&self, offset: i64) -> bool {
        self.finished.contains_key(&offset)
    }

    /// The owner's process was killed. Returns how long the oldest had been finished then that could have been committed.
    pub(super) fn killed(
        &mut self,
        at: Duration,
        committed: Option<i64>,
        partition: i32,
        records: &Records<'a>,
    ) -> Option<Duration> {
        let committed = committed.unwrap_or(self.base);
        self.committed = Some(committed);
        let watermark = self.watermark(partition, records).max(committed);
        let could = self.finished.range(committed..watermark);
        could.map(|(_, finished)| at.saturating_sub(*finished)).max()
    }

    pub(super) fn is_of(&self, process: &str) -> bool {
        self.owner.is_some_and(|owner| owner.process == process)
    }

    /// Why a record comes again that the owners before had finished.
    pub(super) const fn excuse(&self, offset: i64) -> Option<Excuse> {
        if offset < self.base {
            None
        } else if offset < self.former {
            Some(Excuse::Uncommitted)
        } else {
            Some(Excuse::BehindUnfinished)
        }
    }

    /// The first offset from its beginning on that the owner has not settled.
    fn watermark(&self, partition: i32, records: &Records<'a>) -> i64 {
        records.first_unsettled(partition, self.base, |offset| self.has_finished(offset))
    }
}

/// What excuses that a finished record is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    Uncommitted,
    BehindUnfinished,
}
