//! What is sent, and what happens to logs.

use std::time::{Duration, Instant};

use super::World;
use crate::memory::cluster::{MeanwhileSends, Place, StoredRecord};
use crate::memory::refusal::Refusal;
use crate::record::Record;

/// What happens to the log of a partition.
#[derive(Debug, Clone)]
pub(in super::super) enum LogEvent {
    Gap {
        count: u32,
    },
    /// The offset's last digits name the bit that says whether it is kept.
    Compact {
        kept: u64,
    },
    /// The older ones of its records are deleted.
    Expire {
        rank: usize,
    },
    MoveLeader {
        lasts: Duration,
        sends: MeanwhileSends,
    },
}

impl World {
    pub(super) fn send(&mut self, topic: usize, key: Option<u8>, value_bytes: usize, answered: bool) {
        let mut record = Record::new(self.topics[topic].clone(), vec![0; value_bytes]);
        record.key = key.map(|key| vec![key].into());
        let outcome = if answered {
            self.cluster.append(record, 0, self.now)
        } else {
            Err(self.cluster.append_unanswered(record, 0, self.now))
        };
        let told = outcome.is_ok();
        match outcome {
            Ok(receipt) | Err(Refusal::Unanswered { written: Some(receipt) }) => {
                let topic = self.topics[topic].clone();
                let place = Place { topic, partition: receipt.partition };
                let sends = self.interruption(&place).map(|(_, sends)| sends);
                assert_eq!(told, answered && sends.is_none());
                assert!(matches!(sends, None | Some(MeanwhileSends::Written)), "{sends:?}");
                let end = self.end(&place);
                assert_eq!(receipt.offset, end);
                self.ends.insert(place, end + 1);
            }
            Err(Refusal::Unanswered { written: None }) => {
                let dropped = |(_, sends)| sends == MeanwhileSends::Dropped;
                assert!(self.places().iter().any(|place| self.interruption(place).is_some_and(dropped)));
            }
            Err(Refusal::NoLeader { topic, partition }) => {
                let sends = self.interruption(&Place { topic, partition }).map(|(_, sends)| sends);
                assert_eq!(sends, Some(MeanwhileSends::Refused));
            }
            Err(refusal) => panic!("{refusal}"),
        }
    }

    pub(super) fn step_log(&mut self, place: &Place, event: LogEvent) {
        match event {
            LogEvent::Gap { count } => {
                assert!(self.cluster.append_gap(place, count));
                let end = self.end(place);
                self.ends.insert(place.clone(), end + i64::from(count));
                self.absent.entry(place.clone()).or_default().extend(end..end + i64::from(count));
            }
            LogEvent::Compact { kept } => {
                let deleted = self.cluster.compact(place, |record| kept >> (record.offset % 64) & 1 == 1);
                assert!(deleted.iter().all(|record| kept >> (record.offset % 64) & 1 == 0));
                self.note_deleted(place, &deleted);
            }
            LogEvent::Expire { rank } => {
                let mut records = self.cluster.records(&place.topic);
                records.retain(|record| record.partition == place.partition);
                let before_offset = match rank % (records.len() + 1) {
                    rank if rank < records.len() => records[rank].offset,
                    // All of them, and what lies behind.
                    _ => i64::MAX,
                };
                let deleted = self.cluster.expire_log(place, before_offset);
                assert_eq!(deleted, records[..rank % (records.len() + 1)]);
                self.note_deleted(place, &deleted);
            }
            LogEvent::MoveLeader { lasts, sends } => {
                let until = self.now + lasts;
                assert!(self.cluster.move_leader(place, until, sends));
                self.interrupted.insert(place.clone(), (until, sends));
            }
        }
    }

    fn note_deleted(&mut self, place: &Place, deleted: &[StoredRecord]) {
        let offsets = deleted.iter().map(|record| record.offset);
        self.absent.entry(place.clone()).or_default().extend(offsets);
    }

    pub(super) fn end(&self, place: &Place) -> i64 {
        self.ends.get(place).copied().unwrap_or(0)
    }

    /// Whether an offset was passed over, or its record deleted.
    pub(super) fn is_absent(&self, place: &Place, offset: i64) -> bool {
        self.absent.get(place).is_some_and(|absent| absent.contains(&offset))
    }

    /// What is the matter with a partition's leader, if anything is.
    pub(super) fn interruption(&self, place: &Place) -> Option<(Instant, MeanwhileSends)> {
        self.interrupted.get(place).copied().filter(|(until, _)| self.now < *until)
    }
}
