//! Topics and the logs of their partitions.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use bytes::Bytes;

use super::PARTITIONS_MAX;
use super::claim::Place;
use super::leadership::MeanwhileSends;
use super::partition_log::PartitionLog;
use crate::consumer::{AckToken, Delivery};
use crate::memory::refusal::Refusal;
use crate::record::{Content, HeadersRef, Receipt, Record, Topic};

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
    /// The record's key, value and headers.
    pub content: Content,
}

impl StoredRecord {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.content.key()
    }

    /// The record's value; `None` is a tombstone.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.content.value()
    }

    /// The record's headers.
    #[must_use]
    pub fn headers(&self) -> HeadersRef<'_> {
        self.content.headers()
    }

    /// The bytes of key, value and headers.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        length(self.key()) + length(self.value()) + self.headers().size_bytes()
    }

    pub(super) fn deliver(&self, topic: &Topic, token: AckToken) -> Delivery {
        Delivery {
            token,
            topic: topic.clone(),
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: Some(self.timestamp_ms),
            content: self.content.clone(),
        }
    }

    fn held_bytes(&self) -> usize {
        self.content.held_bytes() + RECORD_OVERHEAD_BYTES
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
    pub(super) fn append(
        &mut self,
        record: Record,
        written_at_ms: i64,
        now: Instant,
    ) -> Result<Receipt, Refusal> {
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
        let sends = log.sends_at(now);
        match sends {
            Some(MeanwhileSends::Refused) => {
                return Err(Refusal::NoLeader { topic: record.topic, partition });
            }
            Some(MeanwhileSends::Dropped) => return Err(Refusal::Unanswered { written: None }),
            Some(MeanwhileSends::Written) | None => {}
        }
        let stored = StoredRecord {
            partition,
            offset: log.end(),
            timestamp_ms: record.timestamp.map_or(written_at_ms, |time| time.as_millisecond()),
            content: Content::from(&record),
        };
        let receipt = Receipt::new(partition, stored.offset);
        let held_bytes = stored.held_bytes();
        log.append(stored);
        self.held_bytes += held_bytes;
        match sends {
            Some(_) => Err(Refusal::Unanswered { written: Some(receipt) }),
            None => Ok(receipt),
        }
    }

    /// Whether so large a record may ever be held, and is within `capacity_bytes` now.
    pub(super) fn has_room(&self, record: &Record, capacity_bytes: usize) -> Result<bool, Refusal> {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let size_bytes = length(&record.key)
            + length(&record.value)
            + record.headers.packed().len()
            + RECORD_OVERHEAD_BYTES;
        if size_bytes > capacity_bytes {
            return Err(Refusal::TooLarge { size_bytes, capacity_bytes });
        }
        Ok(self.held_bytes + size_bytes <= capacity_bytes)
    }

    /// Adds partitions, up to `total`. False if there are as many already.
    pub(super) fn add_partitions(&mut self, topic: &Topic, total: u32) -> Result<bool, Refusal> {
        if !(1..=PARTITIONS_MAX).contains(&total) {
            return Err(Refusal::PartitionCount(total));
        }
        let logs = self.topic_mut(topic)?;
        let partitions = logs.partitions.len();
        if logs.closed {
            return Err(Refusal::ClosedTopic(topic.clone()));
        }
        if partitions > total as usize {
            return Err(Refusal::FewerPartitions { topic: topic.clone(), partitions });
        }
        logs.partitions.resize_with(total as usize, PartitionLog::default);
        Ok(partitions < total as usize)
    }

    /// Deletes records of a partition, as `delete` does, and gives them.
    pub(super) fn delete(
        &mut self,
        place: &Place,
        delete: impl FnOnce(&mut PartitionLog) -> Vec<StoredRecord>,
    ) -> Vec<StoredRecord> {
        let deleted = self.partition_mut(place).map(delete).unwrap_or_default();
        self.held_bytes -= deleted.iter().map(StoredRecord::held_bytes).sum::<usize>();
        deleted
    }

    pub(super) fn partition(&self, place: &Place) -> Option<&PartitionLog> {
        let logs = self.topics.get(&place.topic)?;
        logs.partitions.get(usize::try_from(place.partition).ok()?)
    }

    pub(super) fn partition_mut(&mut self, place: &Place) -> Option<&mut PartitionLog> {
        let logs = self.topics.get_mut(&place.topic)?;
        logs.partitions.get_mut(usize::try_from(place.partition).ok()?)
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
            logs.append(record, 0, Instant::now()).unwrap()
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
    fn deleting_frees_what_lies_below_and_keeps_offsets() {
        let topic = Topic::parse("t").unwrap();
        let mut logs = Logs::new();
        logs.create(&topic, 1).unwrap();
        for _ in 0..3 {
            let _ = logs.append(Record::new(topic.clone(), "value"), 0, Instant::now()).unwrap();
        }
        let held = logs.held_bytes;
        let place = Place { topic, partition: 0 };
        let deleted = logs.delete(&place, |log| log.delete_below(2));
        assert_eq!((deleted.len(), logs.held_bytes), (2, held / 3));
        assert_eq!(logs.delete(&place, |log| log.delete_below(1)), []);
        let log = logs.partition(&place).unwrap();
        assert_eq!((log.start(), log.end()), (2, 3));
        assert_eq!(log.from(0).map(|record| record.offset).collect::<Vec<_>>(), [2]);
    }
}
