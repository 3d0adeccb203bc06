//! What is known of each record while the events are gone through.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::history::{History, Place, Written};

/// What is handled one after another: a key in its partition.
pub(super) type Lane<'a> = (i32, &'a [u8]);

/// One assignment of a partition to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Owner<'a> {
    pub(super) process: &'a str,
    pub(super) assignment: u32,
}

/// All records of the topic.
pub(super) struct Records<'a> {
    records: HashMap<Place, Record<'a>>,
    lanes: HashMap<Lane<'a>, Vec<i64>>,
    partitions: BTreeMap<i32, Partition>,
}

/// One of them.
pub(super) struct Record<'a> {
    pub(super) written: &'a Written,
    /// Set aside at some time.
    pub(super) dead: bool,
    /// The payment id at its first start.
    pub(super) payment: Option<&'a str>,
    /// Whom it was delivered to last.
    pub(super) owner: Option<Owner<'a>>,
    pub(super) done: bool,
    /// Who finished it last, and when.
    pub(super) finished: Option<(Owner<'a>, Duration)>,
    pub(super) failed: bool,
}

struct Partition {
    offsets: Vec<i64>,
    /// How many of them are settled from the first on.
    settled: usize,
}

impl Record<'_> {
    /// Nothing is left to do: a handler finished it, it was set aside, or there is nothing to handle. When a record was
    /// set aside is not known; it was at the end of its last attempt, and before any if it was never started.
    fn is_settled(&self) -> bool {
        let set_aside = self.dead && (self.failed || self.owner.is_none());
        self.done || set_aside || self.written.value.is_none()
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let dead: HashSet<Place> = history.dead.iter().map(|letter| letter.source).collect();
        let (mut lanes, mut partitions) = (HashMap::<Lane<'a>, Vec<i64>>::new(), BTreeMap::new());
        let mut records = HashMap::new();
        for written in &history.written {
            let place = written.place;
            if let Some(key) = &written.key {
                lanes.entry((place.partition, key)).or_default().push(place.offset);
            }
            let partition = partitions
                .entry(place.partition)
                .or_insert_with(|| Partition { offsets: vec![], settled: 0 });
            partition.offsets.push(place.offset);
            let dead = dead.contains(&place);
            let record = Record {
                written,
                dead,
                payment: None,
                owner: None,
                done: false,
                finished: None,
                failed: false,
            };
            records.insert(place, record);
        }
        lanes.values_mut().for_each(|offsets| offsets.sort_unstable());
        partitions.values_mut().for_each(|partition| partition.offsets.sort_unstable());
        Self { records, lanes, partitions }
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Record<'a>> {
        self.records.get_mut(&place)
    }

    pub(super) fn key(&self, place: Place) -> Option<&'a [u8]> {
        self.records.get(&place)?.written.key.as_deref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Record<'a>> {
        self.records.values()
    }

    /// The first record of the lane before `place` that is not settled.
    pub(super) fn unsettled_before(&self, lane: Lane<'_>, place: Place) -> Option<Place> {
        let offsets = self.lanes.get(&lane)?.iter().take_while(|offset| **offset < place.offset);
        offsets.map(|offset| Place { offset: *offset, ..place }).find(|earlier| !self.is_settled(*earlier))
    }

    /// The first offset of the partition that is not settled, past the last one if all are.
    pub(super) fn watermark(&mut self, partition: i32) -> i64 {
        let records = &self.records;
        let Some(known) = self.partitions.get_mut(&partition) else { return 0 };
        let settled =
            |offset: &i64| records.get(&Place { partition, offset: *offset }).is_some_and(Record::is_settled);
        known.settled +=
            known.offsets.iter().skip(known.settled).take_while(|offset| settled(offset)).count();
        known.offsets.get(known.settled).copied().unwrap_or(i64::MAX)
    }

    /// How many records of the partitions lie at or above what was committed.
    pub(super) fn above(&self, committed: &BTreeMap<i32, i64>) -> usize {
        let lie_above = |(partition, known): (&i32, &Partition)| {
            let committed = committed.get(partition).copied().unwrap_or(0);
            known.offsets.iter().filter(|offset| **offset >= committed).count()
        };
        self.partitions.iter().map(lie_above).sum()
    }

    fn is_settled(&self, place: Place) -> bool {
        self.records.get(&place).is_none_or(Record::is_settled)
    }
}
