//! What is known of each record while the events are gone through.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use crate::event::Commit;
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
    lanes: HashMap<Lane<'a>, InLane>,
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
    /// The event of its last start.
    pub(super) started: Option<usize>,
    pub(super) done: bool,
    /// Who finished it last, and when.
    pub(super) finished: Option<(Owner<'a>, Duration)>,
    pub(super) failed: bool,
    /// Notifications of it that went out.
    pub(super) sends: usize,
}

#[derive(Default)]
struct InLane {
    offsets: Vec<i64>,
    /// How many of them are settled from the first on, and stay so.
    settled: usize,
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
        let (mut lanes, mut partitions) = (HashMap::<Lane<'a>, InLane>::new(), BTreeMap::new());
        let mut records = HashMap::new();
        for written in &history.written {
            let place = written.place;
            if let Some(key) = &written.key {
                lanes.entry((place.partition, key)).or_default().offsets.push(place.offset);
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
                started: None,
                done: false,
                finished: None,
                failed: false,
                sends: 0,
            };
            records.insert(place, record);
        }
        lanes.values_mut().for_each(|lane| lane.offsets.sort_unstable());
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

    /// Whether a record was started, and neither finished by whom it was delivered to last nor set aside at any time.
    pub(super) fn is_unfinished(&self, place: Place) -> bool {
        let unfinished = |record: &Record<'_>| record.owner.is_some() && record.finished.is_none();
        self.records.get(&place).is_some_and(|record| unfinished(record) && !record.dead)
    }

    /// The first record of the lane before `place` that is not settled.
    pub(super) fn unsettled_before(&mut self, lane: Lane<'a>, place: Place) -> Option<Place> {
        let records = &self.records;
        let known = self.lanes.get_mut(&lane)?;
        let stays = |offset: &&i64| {
            let record = records.get(&Place { offset: **offset, ..place });
            **offset < place.offset && record.is_none_or(|one| one.done || one.written.value.is_none())
        };
        known.settled += known.offsets.iter().skip(known.settled).take_while(stays).count();
        let earlier = known.offsets.iter().skip(known.settled).take_while(|offset| **offset < place.offset);
        let mut places = earlier.map(|offset| Place { offset: *offset, ..place });
        places.find(|earlier| !records.get(earlier).is_none_or(Record::is_settled))
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

    /// The first offset of a range of the partition that holds a record and is not settled.
    pub(super) fn unsettled_in(&self, partition: i32, range: &Range<i64>) -> Option<Place> {
        let offsets = self.within(partition, range).iter();
        offsets.map(|offset| Place { partition, offset: *offset }).find(|place| !self.is_settled(*place))
    }

    /// How many records of the partition a commit tells of beyond its offset.
    pub(super) fn held(&self, partition: i32, commit: &Commit) -> usize {
        commit.beyond.iter().map(|range| self.within(partition, range).len()).sum()
    }

    /// How many records of the partitions no commit tells of.
    pub(super) fn untold(&self, commits: &BTreeMap<i32, Commit>) -> usize {
        let untold = |(partition, known): (&i32, &Partition)| {
            let told = |offset: &&i64| commits.get(partition).is_some_and(|commit| commit.holds(**offset));
            known.offsets.iter().filter(|offset| !told(offset)).count()
        };
        self.partitions.iter().map(untold).sum()
    }

    fn within(&self, partition: i32, range: &Range<i64>) -> &[i64] {
        let offsets = self.partitions.get(&partition).map_or(&[][..], |known| &known.offsets);
        let start = offsets.partition_point(|offset| *offset < range.start);
        let end = offsets.partition_point(|offset| *offset < range.end);
        offsets.get(start..end).unwrap_or_default()
    }

    fn is_settled(&self, place: Place) -> bool {
        self.records.get(&place).is_none_or(Record::is_settled)
    }
}
