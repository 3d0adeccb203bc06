//! Every record that was written, and what became of it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::handlers::Fate;

/// Names a record in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordId(u32);

/// Names a lane in the ledger: a key of a partition, or a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneId(u32);

/// What is known of a record.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) lane: Option<LaneId>,
    place_in_lane: usize,
    pub(super) fate: Fate,
    /// Handled, skipped or dead-lettered, by anybody, at some time.
    pub(super) finished: bool,
    /// Finished, and not begun again since.
    pub(super) settled: bool,
    /// It was finished, and a crash or a loss came before that was durable.
    pub(super) may_repeat: bool,
    /// Deleted by the cluster.
    pub(super) removed: bool,
    pub(super) dead_letters: u32,
}

impl Entry {
    /// Whether a commit of this offset, with what is finished beyond it, says that the record is done.
    pub(super) fn is_covered(&self, offset: i64, beyond: &[Range<i64>]) -> bool {
        let after = beyond.partition_point(|range| range.end <= self.offset);
        self.offset < offset || beyond.get(after).is_some_and(|range| range.start <= self.offset)
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    /// By partition and offset.
    places: Vec<Vec<Option<RecordId>>>,
    lanes: Vec<Lane>,
    lane_of: BTreeMap<(i32, Option<usize>), LaneId>,
    /// Where a gap began that nothing was written behind yet.
    gap_ends: BTreeMap<i32, i64>,
    /// Gaps between records.
    gaps_closed: u64,
}

#[derive(Debug, Default)]
struct Lane {
    records: Vec<RecordId>,
    /// So many of the first are finished or removed.
    done: usize,
}

impl Ledger {
    /// Takes in a record. Its lane is that of `key` in its partition; `None` if it waits for nobody.
    pub(super) fn append(
        &mut self,
        partition: i32,
        offset: i64,
        lane_key: Option<Option<usize>>,
        fate: Fate,
    ) -> RecordId {
        // Far fewer than 2³² records are written in a run.
        let id = RecordId(self.entries.len() as u32);
        let lane = lane_key.map(|key| self.lane(partition, key));
        let mut place_in_lane = 0;
        if let Some(lane) = lane.and_then(|lane| self.lanes.get_mut(lane.0 as usize)) {
            place_in_lane = lane.records.len();
            lane.records.push(id);
        }
        self.entries.push(Entry {
            partition,
            offset,
            lane,
            place_in_lane,
            fate,
            finished: false,
            settled: false,
            may_repeat: false,
            removed: false,
            dead_letters: 0,
        });
        let places = partition as usize;
        if self.places.len() <= places {
            self.places.resize_with(places + 1, Vec::new);
        }
        if self.gap_ends.remove(&partition).is_some_and(|end| end > 0) {
            self.gaps_closed += 1;
        }
        if let Some(offsets) = self.places.get_mut(places) {
            offsets.resize(offset as usize + 1, None);
            offsets[offset as usize] = Some(id);
        }
        id
    }

    pub(super) fn id(&self, partition: i32, offset: i64) -> Option<RecordId> {
        *self.places.get(partition as usize)?.get(usize::try_from(offset).ok()?)?
    }

    pub(super) fn get(&self, id: RecordId) -> &Entry {
        // Only the ledger makes ids, and it forgets nothing.
        &self.entries[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: RecordId) -> &mut Entry {
        // As above.
        &mut self.entries[id.0 as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The records of a partition, by offset.
    pub(super) fn of_partition(&self, partition: i32) -> impl Iterator<Item = RecordId> {
        self.places.get(partition as usize).into_iter().flatten().flatten().copied()
    }

    /// The first record before this one in its lane that is neither finished nor removed.
    pub(super) fn passed_over(&mut self, id: RecordId) -> Option<&Entry> {
        let (lane, place) = (self.get(id).lane?, self.get(id).place_in_lane);
        let lane = self.lanes.get_mut(lane.0 as usize)?;
        while let Some(first) = lane.records.get(lane.done) {
            let entry = &self.entries[first.0 as usize];
            if lane.done >= place {
                return None;
            }
            if !entry.finished && !entry.removed {
                return Some(entry);
            }
            lane.done += 1;
        }
        None
    }

    /// From this offset on is a gap, until the next record.
    pub(super) fn note_gap(&mut self, partition: i32, from: i64) {
        self.gap_ends.entry(partition).or_insert(from);
    }

    /// How many gaps lie between records, since it was last asked.
    pub(super) const fn take_gaps_closed(&mut self) -> u64 {
        std::mem::replace(&mut self.gaps_closed, 0)
    }

    fn lane(&mut self, partition: i32, key: Option<usize>) -> LaneId {
        *self.lane_of.entry((partition, key)).or_insert_with(|| {
            self.lanes.push(Lane::default());
            // Fewer lanes than records.
            LaneId(self.lanes.len() as u32 - 1)
        })
    }
}
