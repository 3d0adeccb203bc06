//! What was read and is not handed over yet.

use payflow_core::{Deliveries, Delivery, Room};

/// Deliveries in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Ready {
    deliveries: Deliveries,
    bytes: usize,
}

impl Ready {
    pub(super) const fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Takes a batch that holds so many bytes, and leaves the memory of finished ones in its place.
    pub(super) fn push(&mut self, batch: &mut Deliveries, bytes: usize) {
        self.bytes += bytes;
        self.deliveries.append(batch);
        batch.take_spare(&mut self.deliveries);
    }

    /// Moves what fits from the front to the end of `into`.
    pub(super) fn hand_over(&mut self, into: &mut Deliveries, room: Room) {
        if self.len() <= room.records && self.bytes <= room.bytes {
            into.append(&mut self.deliveries);
            self.bytes = 0;
        } else {
            self.hand_over_some(into, room);
        }
        // The poll thread fills the next batch with it.
        self.deliveries.take_spare(into);
    }

    fn hand_over_some(&mut self, into: &mut Deliveries, room: Room) {
        let (mut records, mut bytes) = (0, 0);
        for size in self.deliveries.iter().map(Delivery::size_bytes) {
            if !room.fits(records, bytes, size) {
                break;
            }
            records += 1;
            bytes += size;
        }
        into.append_front(&mut self.deliveries, records);
        self.bytes -= bytes;
    }

    /// Forgets all others.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Delivery) -> bool) {
        self.deliveries.retain(keep);
        self.bytes = self.deliveries.iter().map(Delivery::size_bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ops::Range;
    use std::ptr;

    use payflow_core::{AckToken, Content, Headers, Topic};

    use super::*;

    fn delivery(offset: i64) -> Delivery {
        Delivery {
            token: AckToken::new(u32::try_from(offset % 2).unwrap(), 1, offset),
            topic: Topic::parse("topic").unwrap(),
            partition: 0,
            offset,
            timestamp_ms: None,
            content: Content::new(None, Some(b"0123456789"), &Headers::new()),
        }
    }

    fn push(ready: &mut Ready, batch: &mut Deliveries, offsets: Range<i64>) {
        batch.extend(offsets.map(delivery));
        let bytes = batch.len() * 10;
        ready.push(batch, bytes);
        assert!(batch.is_empty());
    }

    fn filled(batches: &[Range<i64>]) -> Ready {
        let (mut ready, mut batch) = (Ready::default(), Deliveries::new());
        batches.iter().for_each(|offsets| push(&mut ready, &mut batch, offsets.clone()));
        ready
    }

    fn offsets(deliveries: &Deliveries) -> Vec<i64> {
        deliveries.iter().map(|delivery| delivery.offset).collect()
    }

    const ALL: Room = Room { records: 10_000, bytes: 100_000, first_may_exceed: false };

    #[test]
    fn all_come_in_their_order_whatever_the_batches_and_the_room() {
        let batches = [0..3, 3..303, 303..304, 304..304, 304..500, 500..510];
        for room in [ALL, Room { records: 7, ..ALL }, Room { records: 250, bytes: 1_200, ..ALL }] {
            let (mut ready, mut all) = (filled(&batches), Deliveries::new());
            while ready.len() > 0 {
                let mut into = Deliveries::new();
                ready.hand_over(&mut into, room);
                assert!(!into.is_empty() && into.len() <= room.records && into.len() * 10 <= room.bytes);
                all.append(&mut into);
            }
            assert_eq!(offsets(&all), (0..510).collect::<Vec<_>>());
            assert_eq!(ready.bytes, 0);
        }
    }

    #[test]
    fn memory_goes_round_whether_all_fit_or_some() {
        let (mut ready, mut batch, mut into) = (Ready::default(), Deliveries::new(), Deliveries::new());
        let mut places = HashSet::new();
        for round in 0..1_000 {
            push(&mut ready, &mut batch, 20 * round..20 * round + 20);
            let room = if round % 3 == 0 { ALL } else { Room { records: 15, ..ALL } };
            while ready.len() > 0 {
                ready.hand_over(&mut into, room);
                places.extend(into.iter().map(ptr::from_ref));
                // As the pipeline does with what is finished.
                into.clear();
            }
        }
        assert!(places.len() <= 60, "{} places for 20 records at a time", places.len());
    }

    #[test]
    fn what_is_begun_goes_on_behind_what_was_handed_over() {
        let mut ready = filled(&[0..150, 150..200]);
        let mut into: Deliveries = [delivery(900)].into_iter().collect();
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
        let mut into = Deliveries::new();
        ready.hand_over(&mut into, ALL);
        assert_eq!(offsets(&into), [0, 2, 4, 6, 8, 12, 14, 16, 18]);
    }

    #[test]
    fn a_giant_passes_alone() {
        let mut ready = filled(&[0..1, 1..3]);
        let mut into = Deliveries::new();
        ready.hand_over(&mut into, Room { records: 3, bytes: 5, first_may_exceed: false });
        assert!(into.is_empty());
        ready.hand_over(&mut into, Room { records: 3, bytes: 5, first_may_exceed: true });
        assert_eq!(offsets(&into), [0]);
    }
}
