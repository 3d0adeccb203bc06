//! What was read and is not handed over yet: batches as they were read, so that the usual way moves none of their records.

use std::collections::VecDeque;
use std::mem;

use payflow_core::{Delivery, Room};

#[derive(Debug)]
struct Batch {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
}

/// Deliveries in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Ready {
    batches: VecDeque<Batch>,
    records: usize,
    bytes: usize,
    /// Emptied, to be filled again.
    spare: Vec<Delivery>,
}

impl Ready {
    pub(super) const fn len(&self) -> usize {
        self.records
    }

    /// Takes a batch that holds so many bytes, and leaves an empty one in its place.
    pub(super) fn push(&mut self, batch: &mut Vec<Delivery>, bytes: usize) {
        if batch.is_empty() {
            return;
        }
        self.records += batch.len();
        self.bytes += bytes;
        let deliveries = mem::replace(batch, mem::take(&mut self.spare)).into();
        self.batches.push_back(Batch { deliveries, bytes });
    }

    /// Moves the batches that fit to the end of `into` or, if the first does not fit, as much of it as does.
    pub(super) fn hand_over(&mut self, into: &mut Vec<Delivery>, room: Room) {
        let (mut records, mut bytes) = (0, 0);
        while let Some(batch) = self.batches.front() {
            let fits = records + batch.deliveries.len() <= room.records && bytes + batch.bytes <= room.bytes;
            if !fits {
                break;
            }
            let Some(batch) = self.batches.pop_front() else { break };
            let mut deliveries = Vec::from(batch.deliveries);
            records += deliveries.len();
            bytes += batch.bytes;
            // Mostly there is one batch, which is moved in one piece.
            if into.is_empty() {
                mem::swap(into, &mut deliveries);
            } else {
                into.append(&mut deliveries);
            }
            self.spare = deliveries;
        }
        self.records -= records;
        self.bytes -= bytes;
        if records == 0 {
            self.hand_over_one_by_one(into, room);
        }
    }

    fn hand_over_one_by_one(&mut self, into: &mut Vec<Delivery>, room: Room) {
        let (mut records, mut bytes) = (0, 0);
        while let Some(batch) = self.batches.front_mut() {
            let Some(size) = batch.deliveries.front().map(Delivery::size_bytes) else {
                self.batches.pop_front();
                continue;
            };
            if !room.fits(records, bytes, size) {
                return;
            }
            records += 1;
            bytes += size;
            batch.bytes -= size;
            into.extend(batch.deliveries.pop_front());
            self.records -= 1;
            self.bytes -= size;
        }
    }

    /// Forgets all others.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Delivery) -> bool) {
        for batch in &mut self.batches {
            batch.deliveries.retain(&mut keep);
            batch.bytes = batch.deliveries.iter().map(Delivery::size_bytes).sum();
        }
        self.batches.retain(|batch| !batch.deliveries.is_empty());
        self.records = self.batches.iter().map(|batch| batch.deliveries.len()).sum();
        self.bytes = self.batches.iter().map(|batch| batch.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use payflow_core::{AckToken, Headers, Topic};

    use super::*;

    fn batch(offsets: std::ops::Range<i64>) -> Vec<Delivery> {
        let delivery = |offset| Delivery {
            token: AckToken::new(u32::try_from(offset % 2).unwrap(), 1, offset),
            topic: Topic::parse("topic").unwrap(),
            partition: 0,
            offset,
            timestamp_ms: None,
            key: None,
            value: Some("0123456789".into()),
            headers: Headers::new(),
        };
        offsets.map(delivery).collect()
    }

    fn filled(batches: &[std::ops::Range<i64>]) -> Ready {
        let mut ready = Ready::default();
        for offsets in batches {
            let mut batch = batch(offsets.clone());
            let bytes = batch.len() * 10;
            ready.push(&mut batch, bytes);
            assert!(batch.is_empty());
        }
        ready
    }

    fn offsets(deliveries: &[Delivery]) -> Vec<i64> {
        deliveries.iter().map(|delivery| delivery.offset).collect()
    }

    const ALL: Room = Room { records: 10_000, bytes: 100_000, first_may_exceed: false };

    #[test]
    fn all_come_in_their_order_whatever_the_batches_and_the_room() {
        let batches = [0..3, 3..303, 303..304, 304..304, 304..500, 500..510];
        for room in [ALL, Room { records: 7, ..ALL }, Room { records: 250, bytes: 1_200, ..ALL }] {
            let (mut ready, mut all) = (filled(&batches), Vec::new());
            while ready.len() > 0 {
                let mut into = Vec::new();
                ready.hand_over(&mut into, room);
                assert!(!into.is_empty() && into.len() <= room.records && into.len() * 10 <= room.bytes);
                all.append(&mut into);
            }
            assert_eq!(offsets(&all), (0..510).collect::<Vec<_>>());
            assert_eq!((ready.records, ready.bytes), (0, 0));
        }
    }

    #[test]
    fn a_batch_that_is_begun_goes_on_behind_what_was_handed_over() {
        let mut ready = filled(&[0..200]);
        let mut into = batch(900..901);
        ready.hand_over(&mut into, Room { records: 5, ..ALL });
        assert_eq!(offsets(&into), [900, 0, 1, 2, 3, 4]);
        into.clear();
        ready.hand_over(&mut into, ALL);
        assert_eq!(offsets(&into), (5..200).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_forgotten_counts_no_more() {
        let mut ready = filled(&[0..10, 11..12, 12..20]);
        ready.retain(|delivery| delivery.token.slot() == 0);
        assert_eq!((ready.len(), ready.bytes), (9, 90));
        let mut into = Vec::new();
        ready.hand_over(&mut into, ALL);
        assert_eq!(offsets(&into), [0, 2, 4, 6, 8, 12, 14, 16, 18]);
    }

    #[test]
    fn a_giant_passes_alone() {
        let mut ready = filled(&[0..3]);
        let mut into = Vec::new();
        ready.hand_over(&mut into, Room { records: 3, bytes: 5, first_may_exceed: false });
        assert!(into.is_empty());
        ready.hand_over(&mut into, Room { records: 3, bytes: 5, first_may_exceed: true });
        assert_eq!(offsets(&into), [0]);
    }
}
