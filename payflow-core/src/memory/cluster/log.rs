//! Topics and the logs of their partitions.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::Bytes;

use super::PARTITIONS_MAX;
use super::group::Place;
use crate::consumer::{AckToken, Delivery};
use crate::memory::refusal::Refusal;
use crate::record::{Headers, Receipt, Record, Topic};

/// What a record counts against the capacity beside its bytes.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// A record as a topic of a [`MemoryCluster`](crate::MemoryCluster) holds it. Cheap to clone: bytes are shared.
///
/// `Debug` shows where it stands, never what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The partition it stands in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// The record's time, milliseconds since the Unix epoch; when it was sent, if it came without one.
    pub timestamp_ms: i64,
    /// The record's key.
    pub key: Option<Bytes>,
    /// The record's value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The record's headers.
    pub headers: Headers,
}

impl StoredRecord {
    /// The bytes of key, value and headers.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        length(&self.key) + length(&self.value) + self.headers.size_bytes()
    }

    pub(super) fn deliver(&self, topic: &Topic, token: AckToken) -> Delivery {
        Delivery {
            token,
            topic: topic.clone(),
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: Some(self.timestamp_ms),
            key: self.key.clone(),
            value: self.value.clone(),
            headers: self.headers.clone(),
        }
    }

    fn held_bytes(&self) -> usize {
        self.size_bytes() + RECORD_OVERHEAD_BYTES
    }
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partition, offset) = (self.partition, self.offset);
        write!(f, "StoredRecord({partition}@{offset}, {} bytes)", self.size_bytes())
    }
}

/// All topics.
#[derive(Debug)]
pub(super) struct Logs {
    topics: BTreeMap<Topic, TopicLogs>,
    held_bytes: usize,
}

#[derive(Debug)]
struct TopicLogs {
    partitions: Vec<PartitionLog>,
    /// Which partition the next record without a key goes to.
    next_unkeyed: usize,
    closed: bool,
}

impl Logs {
    pub(super) const fn new() -> Self {
        Self { topics: BTreeMap::new(), held_bytes: 0 }
    }

    pub(super) fn create(&mut self, topic: &Topic, partitions: u32) -> Result<(), Refusal> {
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(Refusal::PartitionCount(partitions));
        }
        let created = self.topics.entry(topic.clone()).or_insert_with(|| TopicLogs {
            partitions: (0..partitions).map(|_| PartitionLog::default()).collect(),
            next_unkeyed: 0,
            closed: false,
        });
        let existing = created.partitions.len();
        if existing != partitions as usize {
            return Err(Refusal::OtherPartitionCount { topic: topic.clone(), partitions: existing });
        }
        Ok(())
    }

    pub(super) fn close(&mut self, topic: &Topic) -> Result<(), Refusal> {
        self.topic_mut(topic)?.closed = true;
        Ok(())
    }

    /// Appends a record, of which `size_bytes` was found to fit, to the partition of its key.
    pub(super) fn append(&mut self, record: Record, written_at_ms: i64) -> Result<Receipt, Refusal> {
        let logs = self.topic_mut(&record.topic)?;
        if logs.closed {
            return Err(Refusal::ClosedTopic(record.topic));
        }
        let count = logs.partitions.len();
        let index = record.key.as_ref().map_or(logs.next_unkeyed, |key| {
            // The remainder is below the count, a usize.
            (fnv1a_64(key) % count as u64) as usize
        });
        if record.key.is_none() {
            logs.next_unkeyed = (index + 1) % count;
        }
        // A topic has at most `PARTITIONS_MAX` partitions, and the index is one of them.
        let partition = index as i32;
        let log = &mut logs.partitions[index];
        let stored = StoredRecord {
            partition,
            offset: log.end,
            timestamp_ms: record.timestamp.map_or(written_at_ms, |time| time.as_millisecond()),
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        let receipt = Receipt::new(partition, stored.offset);
        let held_bytes = stored.held_bytes();
        log.append(stored);
        self.held_bytes += held_bytes;
        Ok(receipt)
    }

    /// Whether so large a record may ever be held, and is within `capacity_bytes` now.
    pub(super) fn has_room(&self, record: &Record, capacity_bytes: usize) -> Result<bool, Refusal> {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let size_bytes =
            length(&record.key) + length(&record.value) + record.headers.size_bytes() + RECORD_OVERHEAD_BYTES;
        if size_bytes > capacity_bytes {
            return Err(Refusal::TooLarge { size_bytes, capacity_bytes });
        }
        Ok(self.held_bytes + size_bytes <= capacity_bytes)
    }

    /// Deletes the records below `offset`.
    pub(super) fn trim(&mut self, place: &Place, offset: i64) {
        let logs = self.topics.get_mut(&place.topic);
        let log = logs.and_then(|logs| logs.partitions.get_mut(usize::try_from(place.partition).ok()?));
        if let Some(log) = log {
            self.held_bytes -= log.trim(offset);
        }
    }

    pub(super) fn partition(&self, place: &Place) -> Option<&PartitionLog> {
        let logs = self.topics.get(&place.topic)?;
        logs.partitions.get(usize::try_from(place.partition).ok()?)
    }

    pub(super) fn partitions(&self, topic: &Topic) -> Result<&[PartitionLog], Refusal> {
        let logs = self.topics.get(topic);
        logs.map(|logs| &*logs.partitions).ok_or_else(|| Refusal::UnknownTopic(topic.clone()))
    }

    /// All partitions of all topics.
    pub(super) fn places(&self) -> Vec<Place> {
        let topics = self.topics.iter().flat_map(|(topic, logs)| {
            let partitions = (0..).zip(&logs.partitions);
            partitions.map(|(partition, _)| Place { topic: topic.clone(), partition })
        });
        topics.collect()
    }

    pub(super) fn is_closed(&self, topic: &Topic) -> bool {
        self.topics.get(topic).is_some_and(|logs| logs.closed)
    }

    fn topic_mut(&mut self, topic: &Topic) -> Result<&mut TopicLogs, Refusal> {
        let logs = self.topics.get_mut(topic);
        logs.ok_or_else(|| Refusal::UnknownTopic(topic.clone()))
    }
}

/// The log of one partition. Offsets rise; they need not be without gaps.
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    records: VecDeque<StoredRecord>,
    start: i64,
    end: i64,
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

    fn append(&mut self, record: StoredRecord) {
        self.end = record.offset + 1;
        self.records.push_back(record);
    }

    /// Deletes the records below `offset`, and tells how many bytes that frees.
    fn trim(&mut self, offset: i64) -> usize {
        let offset = offset.min(self.end);
        let below = self.records.partition_point(|record| record.offset < offset);
        self.start = self.start.max(offset);
        self.records.drain(..below).map(|record| record.held_bytes()).sum()
    }
}

fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_key_keeps_its_partition_and_no_key_takes_each_in_turn() {
        let topic = Topic::parse("t").unwrap();
        let mut logs = Logs::new();
        logs.create(&topic, 3).unwrap();
        let mut send = |key: Option<&str>| {
            let mut record = Record::new(topic.clone(), "v");
            record.key = key.map(|key| Bytes::copy_from_slice(key.as_bytes()));
            logs.append(record, 0).unwrap()
        };
        let keyed = [send(Some("u1")), send(Some("u1"))];
        assert_eq!(keyed[0].partition, keyed[1].partition);
        assert_eq!(keyed[0].offset + 1, keyed[1].offset);
        let empty = [send(Some("")), send(Some(""))];
        assert_eq!(empty[0].partition, empty[1].partition);
        let unkeyed: Vec<i32> = (0..4).map(|_| send(None).partition).collect();
        assert_eq!(unkeyed, [0, 1, 2, 0]);
    }

    #[test]
    fn trimming_frees_what_lies_below_and_keeps_offsets() {
        let topic = Topic::parse("t").unwrap();
        let mut logs = Logs::new();
        logs.create(&topic, 1).unwrap();
        for _ in 0..3 {
            let _ = logs.append(Record::new(topic.clone(), "value"), 0).unwrap();
        }
        let held = logs.held_bytes;
        let place = Place { topic, partition: 0 };
        logs.trim(&place, 2);
        assert_eq!(logs.held_bytes, held / 3);
        logs.trim(&place, 1);
        let log = logs.partition(&place).unwrap();
        assert_eq!((log.start(), log.end()), (2, 3));
        assert_eq!(log.from(0).map(|record| record.offset).collect::<Vec<_>>(), [2]);
    }
}
