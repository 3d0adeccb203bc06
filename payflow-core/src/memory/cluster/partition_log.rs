//! The log of one partition.

use std::collections::VecDeque;
use std::time::Instant;

use super::leadership::{Interruption, MeanwhileSends};
use super::log::StoredRecord;

/// The log of one partition. Offsets rise; they need not be without gaps.
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    records: VecDeque<StoredRecord>,
    start: i64,
    end: i64,
    interruption: Option<Interruption>,
}

impl PartitionLog {
    /// The offset below which everything was deleted.
    pub(super) const fn start(&self) -> i64 {
        self.start
    }

    /// The offset of the next record.
    pub(super) const fn end(&self) -> i64 {
        self.end
    }

    /// The records at `offset` and above.
    pub(super) fn from(&self, offset: i64) -> impl ExactSizeIterator<Item = &StoredRecord> {
        let first = self.records.partition_point(|record| record.offset < offset);
        self.records.range(first..)
    }

    /// Until when nothing is read, if that is so at `now`.
    pub(super) fn interrupted_until(&self, now: Instant) -> Option<Instant> {
        self.interruption_at(now).map(|interruption| interruption.until)
    }

    /// What becomes of a send at `now`, if it is not simply written.
    pub(super) fn sends_at(&self, now: Instant) -> Option<MeanwhileSends> {
        self.interruption_at(now).map(|interruption| interruption.sends)
    }

    pub(super) const fn interrupt(&mut self, interruption: Interruption) {
        self.interruption = Some(interruption);
    }

    pub(super) fn append(&mut self, record: StoredRecord) {
        self.end = record.offset + 1;
        self.records.push_back(record);
    }

    /// Passes over the next `count` offsets: no record will ever have one of them.
    pub(super) fn append_gap(&mut self, count: u32) {
        self.end += i64::from(count);
    }

    /// Deletes the records below `offset`, and nothing is ever read below it again.
    pub(super) fn delete_below(&mut self, offset: i64) -> Vec<StoredRecord> {
        let offset = offset.min(self.end);
        let below = self.records.partition_point(|record| record.offset < offset);
        self.start = self.start.max(offset);
        self.records.drain(..below).collect()
    }

    /// Deletes the records of which `keep` does not say so. The ends stay where they are.
    pub(super) fn compact(&mut self, mut keep: impl FnMut(&StoredRecord) -> bool) -> Vec<StoredRecord> {
        let (kept, removed) = self.records.drain(..).partition(|record| keep(record));
        self.records = kept;
        Vec::from(removed)
    }

    fn interruption_at(&self, now: Instant) -> Option<&Interruption> {
        self.interruption.as_ref().filter(|interruption| now < interruption.until)
    }
}
