//! A member of a group as the adapter sees it: what it holds, and what it has yet to be told.

use std::collections::BTreeSet;
use std::time::Instant;

use super::claim::Place;
use super::commit::Committed;
use super::log::Logs;
use super::partition_log::PartitionLog;
use crate::consumer::{AckToken, Assignment, Change, Inbound, PartitionEnd, PartitionProgress, Room};
use crate::offsets::{OffsetTracker, Received};
use crate::record::Topic;

/// Names a member of a group of a [`MemoryCluster`](crate::MemoryCluster).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(u64);

impl MemberId {
    pub(super) const fn new(number: u64) -> Self {
        Self(number)
    }

    #[cfg(test)]
    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) topics: Vec<Topic>,
    /// Not so from an expulsion to the next receive.
    pub(super) joined: bool,
    /// When it last received.
    pub(super) last_seen: Instant,
    /// What it has yet to be told, in order.
    pub(super) changes: Vec<Change>,
    pub(super) ended_told: bool,
    /// Finished work was lost with a partition, and no commit has told so yet.
    pub(super) lost_finished: bool,
    slots: Vec<Slot>,
    /// Where the next receive begins to read, so that each partition gets its turn.
    next_slot: usize,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    holding: Option<Holding>,
    /// The last generation that was taken away, rather than let go.
    lost: Option<u32>,
}

/// A partition that a member owns.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) place: Place,
    /// Of the next record to hand over.
    pub(super) position: i64,
    pub(super) tracker: OffsetTracker,
    /// What this assignment knows to be committed.
    pub(super) committed: Committed,
    /// The number of the last commit of it that the cluster got.
    pub(super) arrived: u64,
    pub(super) revoking_until: Option<Instant>,
    given_up: BTreeSet<i64>,
    end_told: Option<i64>,
}

impl Member {
    pub(super) const fn new(topics: Vec<Topic>, now: Instant) -> Self {
        Self {
            topics,
            joined: true,
            last_seen: now,
            changes: Vec::new(),
            ended_told: false,
            lost_finished: false,
            slots: Vec::new(),
            next_slot: 0,
        }
    }

    /// Takes a partition into the first free slot; reading starts at the tracker's position.
    pub(super) fn take(&mut self, place: Place, tracker: OffsetTracker) -> Assignment {
        let free = self.slots.iter().position(|slot| slot.holding.is_none());
        let index = free.unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, holding: None, lost: None });
            self.slots.len() - 1
        });
        self.ended_told = false;
        // `index` was found, or is the one just pushed.
        let slot = &mut self.slots[index];
        slot.generation = slot.generation.wrapping_add(1);
        let holding = slot.holding.insert(Holding {
            place,
            position: tracker.position(),
            committed: Committed::of(&tracker),
            tracker,
            arrived: 0,
            revoking_until: None,
            given_up: BTreeSet::new(),
            end_told: None,
        });
        holding.assignment(index, slot.generation)
    }

    /// Asks back, until then, what it holds and `moves` says so of, except what is asked back already.
    pub(super) fn revoke(&mut self, until: Instant, mut moves: impl FnMut(&Place) -> bool) -> bool {
        let mut assignments = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Some(holding) = &mut slot.holding
                && holding.revoking_until.is_none()
                && moves(&holding.place)
            {
                holding.revoking_until = Some(until);
                assignments.push(holding.assignment(index, slot.generation));
            }
        }
        let revokes = !assignments.is_empty();
        if revokes {
            self.changes.push(Change::Revoking { assignments, until });
        }
        revokes
    }

    /// Lets go what was asked back and has no token out, or is past its deadline.
    pub(super) fn let_go(&mut self, now: Instant) -> impl Iterator<Item = Holding> {
        self.slots.iter_mut().filter_map(move |slot| slot.holding.take_if(|holding| holding.is_due(now)))
    }

    /// Takes away all it holds, and has it told so.
    pub(super) fn lose_all(&mut self) -> Vec<Place> {
        let mut assignments = Vec::new();
        let mut places = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Some(holding) = slot.holding.take() {
                assignments.push(holding.assignment(index, slot.generation));
                self.lost_finished |= holding.uncommitted().is_some();
                slot.lost = Some(slot.generation);
                places.push(holding.place);
            }
        }
        if !assignments.is_empty() {
            self.changes.push(Change::Lost(assignments));
        }
        places
    }

    /// What it holds, with slot and generation.
    pub(super) fn holdings(&self) -> impl Iterator<Item = (u32, u32, &Holding)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let holding = slot.holding.as_ref()?;
            Some((slot_number(index), slot.generation, holding))
        })
    }

    /// What it holds in a slot, if that is still of this generation.
    pub(super) fn holding_mut(&mut self, slot: u32, generation: u32) -> Option<&mut Holding> {
        let slot = self.slots.get_mut(slot as usize)?;
        slot.holding.as_mut().filter(|_| slot.generation == generation)
    }

    /// Whether what it held in a slot, of this generation, may have been taken away.
    pub(super) fn has_lost(&self, slot: u32, generation: u32) -> bool {
        let slot = self.slots.get(slot as usize);
        slot.is_none_or(|slot| slot.lost.is_some_and(|lost| lost >= generation))
    }

    pub(super) fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        for token in finished {
            if let Some(holding) = self.holding_mut(token.slot(), token.generation()) {
                if !holding.given_up.contains(&token.sequence()) {
                    holding.tracker.finish(token.sequence());
                }
            } else if !self.changes.is_empty() {
                // Whoever finishes this does not know yet that it was lost: the next commit is to say so.
                self.lost_finished |= self.has_just_lost(token.slot(), token.generation());
            }
        }
        for token in given_up {
            if let Some(holding) = self.holding_mut(token.slot(), token.generation())
                && holding.tracker.is_unfinished(token.sequence())
            {
                holding.given_up.insert(token.sequence());
            }
        }
    }

    /// Hands over records within `room`. Each partition that has some gets an even share of it, in turn.
    pub(super) fn deliver(&mut self, logs: &Logs, into: &mut Inbound, room: Room, now: Instant) {
        let slots = self.slots.len();
        let mut ready = self.holdings().filter(|(_, _, holding)| holding.is_ready(logs, now)).count();
        if ready == 0 || room.records == 0 {
            return;
        }
        let (mut taken, mut taken_bytes) = (0, 0);
        let first = self.next_slot % slots;
        for index in (first..slots).chain(0..first) {
            // `index` is below the number of slots.
            let slot = &mut self.slots[index];
            let Some(holding) = slot.holding.as_mut().filter(|holding| holding.is_ready(logs, now)) else {
                continue;
            };
            let Some(log) = holding.log(logs, now) else { continue };
            let share = (room.records - taken).div_ceil(ready.max(1));
            ready -= 1;
            let last = taken + share;
            for record in log.from(holding.position) {
                let size_bytes = record.content.held_bytes();
                if taken == last || holding.is_full() {
                    break;
                }
                let skipped = holding.tracker.was_finished_before(record.offset);
                if !skipped && !room.fits(taken, taken_bytes, size_bytes) {
                    // It is first next time: passing it over for smaller ones could go on for ever.
                    self.next_slot = index;
                    return;
                }
                holding.position = record.offset + 1;
                if holding.tracker.receive(record.offset) == Received::New {
                    taken += 1;
                    taken_bytes += size_bytes;
                    let token = AckToken::new(slot_number(index), slot.generation, record.offset);
                    into.deliveries.push(record.deliver(&holding.place.topic, token));
                }
            }
        }
        self.next_slot = first + 1;
    }

    /// Tells of each partition that was handed over to its end, once for each end. Whether one of them is of a closed
    /// topic.
    pub(super) fn tell_ends(&mut self, logs: &Logs, into: &mut Inbound, now: Instant) -> bool {
        let mut closed = false;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(holding) = &mut slot.holding else {
                continue;
            };
            let Some(log) = holding.log(logs, now) else { continue };
            let end = log.end();
            let told = holding.end_told == Some(end);
            if told || holding.revoking_until.is_some() || holding.has_more(logs, now) {
                continue;
            }
            holding.position = end;
            holding.tracker.end(end);
            holding.end_told = Some(end);
            closed |= logs.is_closed(&holding.place.topic);
            into.ends.push(PartitionEnd {
                slot: slot_number(index),
                generation: slot.generation,
                offset: end,
            });
        }
        closed
    }

    /// When the next of its partitions that cannot be read just now is read again.
    pub(super) fn read_again_at(&self, logs: &Logs, now: Instant) -> Option<Instant> {
        let places = self.holdings().map(|(_, _, holding)| &holding.place);
        places.filter_map(|place| logs.partition(place)?.interrupted_until(now)).min()
    }

    fn has_just_lost(&self, slot: u32, generation: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(|slot| slot.lost == Some(generation))
    }
}

impl Holding {
    /// The log, if it can be read.
    fn log<'a>(&self, logs: &'a Logs, now: Instant) -> Option<&'a PartitionLog> {
        logs.partition(&self.place).filter(|log| log.interrupted_until(now).is_none())
    }

    fn has_more(&self, logs: &Logs, now: Instant) -> bool {
        self.revoking_until.is_none()
            && self.log(logs, now).is_some_and(|log| log.from(self.position).next().is_some())
    }

    fn is_ready(&self, logs: &Logs, now: Instant) -> bool {
        !self.is_full() && self.has_more(logs, now)
    }

    /// Whether what may finish out of order finds no more room in a commit.
    const fn is_full(&self) -> bool {
        self.tracker.metadata_bytes_max() >= OffsetTracker::METADATA_BYTES_MAX
    }

    /// What there is to commit, if anything is new.
    pub(super) fn uncommitted(&self) -> Option<Committed> {
        let committed = Committed::of(&self.tracker);
        (committed != self.committed).then_some(committed)
    }

    pub(super) fn progress(&self, logs: &Logs) -> PartitionProgress {
        PartitionProgress {
            topic: self.place.topic.clone(),
            partition: self.place.partition,
            watermark: self.tracker.watermark(),
            end: logs.partition(&self.place).map(PartitionLog::end),
            metadata_headroom_bytes: Some(self.tracker.metadata_headroom_bytes()),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.revoking_until.is_some_and(|until| {
            let back = self.tracker.unfinished() == self.given_up.len() as u64;
            back || until <= now
        })
    }

    fn assignment(&self, index: usize, generation: u32) -> Assignment {
        Assignment {
            slot: slot_number(index),
            generation,
            topic: self.place.topic.clone(),
            partition: self.place.partition,
        }
    }
}

/// A member has far fewer slots than 2³²: it holds each partition at most once.
const fn slot_number(index: usize) -> u32 {
    index as u32
}
