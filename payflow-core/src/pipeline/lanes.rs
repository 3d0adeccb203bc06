//! Which delivery may start now. Pure.
//!
//! A lane is a linked list through one slab of entries: a key that is idle costs nothing, and a record nothing but its
//! entry. Only the head of a lane is ever ready, running or waiting, so at most one of a lane runs by construction.

mod fullness;
mod share;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashTable;
use slab::Slab;

pub(super) use share::LaneShare;

use super::config::Order;
use crate::consumer::Delivery;

/// A delivery and the hash of its lane, by which it found its shard.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) hash: u64,
    pub(super) delivery: Arc<Delivery>,
}

/// A delivery that was started without an entry: its lane was idle, and most end at once.
#[derive(Debug)]
pub(super) struct Direct(Routed);

impl Direct {
    /// Of a delivery whose lane is idle.
    pub(super) const fn new(routed: Routed) -> Self {
        Self(routed)
    }

    pub(super) const fn delivery(&self) -> &Arc<Delivery> {
        &self.0.delivery
    }

    pub(super) fn into_delivery(self) -> Arc<Delivery> {
        self.0.delivery
    }
}

/// Names a lane until the next change.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneIndex(usize);

/// What may start, by what it would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    /// A first attempt.
    First,
    /// What failed before: a further attempt, or its dead letter.
    Again,
}

/// Names an entry; never another one that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    index: usize,
    serial: u64,
}

/// A delivery that a shard holds, with whatever `S` its owner knows of it.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) delivery: Arc<Delivery>,
    pub(super) state: S,
    /// When it came.
    pub(super) since: Instant,
    serial: u64,
    stage: Stage,
    has_own_bytes: bool,
    lane: Option<usize>,
    next: Option<usize>,
}

impl<S> Entry<S> {
    pub(super) const fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running)
    }

    pub(super) const fn is_parked(&self) -> bool {
        matches!(self.stage, Stage::Parked)
    }

    fn copy_out(&mut self) {
        if !std::mem::replace(&mut self.has_own_bytes, true) {
            let mut delivery = Delivery::clone(&self.delivery);
            delivery.copy_out();
            self.delivery = Arc::new(delivery);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Behind another of its lane.
    Queued,
    /// Its lane's head, and free to start.
    Ready,
    /// Its lane's head, started and not settled.
    Running,
    /// Its lane's head, waiting for a time to come.
    Parked,
}

#[derive(Debug)]
struct Lane {
    hash: u64,
    head: usize,
    tail: usize,
    /// What the lane holds.
    held: LaneShare,
}

/// The lanes of one shard.
#[derive(Debug)]
pub(super) struct Lanes<S> {
    order: Order,
    /// What a lane may hold before it is full.
    share: LaneShare,
    entries: Slab<Entry<S>>,
    lanes: Slab<Lane>,
    by_hash: HashTable<usize>,
    /// First attempts.
    ready: VecDeque<EntryId>,
    ready_again: VecDeque<EntryId>,
    /// By slot: an offset that its partition has come to.
    newest: Vec<i64>,
    serial: u64,
}

impl<S> Lanes<S> {
    pub(super) fn new(order: Order, share: LaneShare) -> Self {
        Self {
            order,
            share,
            entries: Slab::new(),
            lanes: Slab::new(),
            by_hash: HashTable::new(),
            ready: VecDeque::new(),
            ready_again: VecDeque::new(),
            newest: Vec::new(),
            serial: 0,
        }
    }

    /// Puts a delivery at the end of its lane, which was just [looked up](Self::lane_of). If that is full now, it tells its head.
    pub(super) fn push(
        &mut self,
        existing: Option<LaneIndex>,
        routed: Routed,
        state: S,
        now: Instant,
    ) -> Option<EntryId> {
        let Routed { hash, delivery } = routed;
        let existing = existing.map(|LaneIndex(lane)| lane);
        let alone = self.has_own_lane(&delivery);
        let size_bytes = delivery.size_bytes();
        match existing {
            Some(lane) => {
                let EntryId { index, .. } = self.insert(delivery, state, Stage::Queued, existing, now);
                // The lane was just found, and a lane's head and tail are entries until the lane is removed with them.
                let tail = std::mem::replace(&mut self.lanes[lane].tail, index);
                self.entries[tail].next = Some(index);
                self.lanes[lane].held.add(size_bytes);
                let head = self.lanes[lane].head;
                if self.entries[head].stage == Stage::Parked {
                    self.entries[index].copy_out();
                }
                self.is_full(lane).then(|| self.id(head))
            }
            None => {
                let lane = (!alone).then(|| self.open(hash, size_bytes));
                let EntryId { index, .. } = self.insert(delivery, state, Stage::Queued, lane, now);
                self.ready_at(index, Class::First);
                None
            }
        }
    }

    /// The lane of a delivery, if that holds something. If it is idle, the delivery may start [directly](Direct).
    #[inline]
    pub(super) fn lane_of(&self, routed: &Routed) -> Option<LaneIndex> {
        if self.by_hash.is_empty() {
            return None;
        }
        self.find(routed.hash, &routed.delivery).map(LaneIndex)
    }

    /// Takes in what was started without, as the running head of its lane.
    pub(super) fn enter(&mut self, direct: Direct, state: S, now: Instant) -> EntryId {
        let Direct(Routed { hash, delivery }) = direct;
        let alone = self.has_own_lane(&delivery);
        let lane = (!alone).then(|| self.open(hash, delivery.size_bytes()));
        self.insert(delivery, state, Stage::Running, lane, now)
    }

    /// Starts the delivery of a class that has been ready longest.
    pub(super) fn start(&mut self, class: Class) -> Option<EntryId> {
        loop {
            let ready = match class {
                Class::First => &mut self.ready,
                Class::Again => &mut self.ready_again,
            };
            let id = ready.pop_front()?;
            if let Some(entry) = self.get_mut(id)
                && entry.stage == Stage::Ready
            {
                entry.stage = Stage::Running;
                return Some(id);
            }
        }
    }

    /// Starts a parked delivery, whatever it waits for. False if it is not parked.
    pub(super) fn start_parked(&mut self, id: EntryId) -> bool {
        let parked = self.get_mut(id).filter(|entry| entry.is_parked());
        parked.map(|entry| entry.stage = Stage::Running).is_some()
    }

    /// Whether [`start`](Self::start) may find something of a class.
    #[inline]
    pub(super) fn has_ready(&self, class: Class) -> bool {
        match class {
            Class::First => !self.ready.is_empty(),
            Class::Again => !self.ready_again.is_empty(),
        }
    }

    /// A running entry waits for a time to come; its lane waits with it.
    ///
    /// All of the lane copies its bytes out: it may stay long, and is not to hold a transport's whole buffer.
    pub(super) fn park(&mut self, id: EntryId) {
        let Some(entry) = self.get_mut(id) else {
            return;
        };
        entry.stage = Stage::Parked;
        let mut next = Some(id.index);
        while let Some(entry) = next.and_then(|index| self.entries.get_mut(index)) {
            entry.copy_out();
            next = entry.next;
        }
    }

    /// A parked or running entry may start, as one of that class. An entry that is gone is ignored.
    pub(super) fn wake(&mut self, id: EntryId, class: Class) {
        if self.get_mut(id).is_some_and(|entry| matches!(entry.stage, Stage::Parked | Stage::Running)) {
            self.ready_at(id.index, class);
        }
    }

    /// Takes out the head of a lane; the next of the lane becomes ready.
    pub(super) fn remove(&mut self, id: EntryId) -> Option<Entry<S>> {
        self.get(id)?;
        let entry = self.entries.try_remove(id.index)?;
        match (entry.lane, entry.next) {
            (Some(lane), Some(next)) => {
                // An entry's lane lives as long as one of its entries, and `next` is one.
                self.lanes[lane].head = next;
                self.lanes[lane].held.remove(entry.delivery.size_bytes());
                self.ready_at(next, Class::First);
            }
            (Some(lane), None) => self.close(lane),
            (None, _) => {}
        }
        Some(entry)
    }

    /// Takes out what is not running of the partition `slot` (`None`: of all), and shows what is running.
    pub(super) fn take_unstarted(
        &mut self,
        slot: Option<u32>,
        mut taken: impl FnMut(Entry<S>),
        mut running: impl FnMut(EntryId, &mut Entry<S>),
    ) {
        let concerned = |entry: &Entry<S>| slot.is_none_or(|slot| entry.delivery.token.slot() == slot);
        let indices: Vec<usize> =
            self.entries.iter().filter(|(_, entry)| concerned(entry)).map(|(i, _)| i).collect();
        for index in indices {
            // The indices were just listed, and each is visited once.
            let entry = &mut self.entries[index];
            if entry.is_running() {
                entry.next = None;
                if let Some(lane) = entry.lane {
                    self.lanes[lane].tail = index;
                    self.lanes[lane].held = LaneShare::of(entry.delivery.size_bytes());
                }
                running(EntryId { index, serial: entry.serial }, entry);
                continue;
            }
            let entry = self.entries.remove(index);
            if let Some(lane) = entry.lane
                && entry.stage != Stage::Queued
            {
                self.close(lane);
            }
            taken(entry);
        }
    }

    /// As what a failure of an entry counts for a storm: its key or, where there is no order by key, itself.
    pub(super) fn storm_lane(&self, id: EntryId) -> u64 {
        let Some(entry) = self.get(id) else { return 0 };
        if self.order == Order::ByKey && entry.lane.is_some() {
            return self.hash_of(entry);
        }
        let token = entry.delivery.token;
        entry.delivery.offset.cast_unsigned() ^ u64::from(token.slot()).rotate_right(16)
    }

    /// All that is held, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<S>> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// How many deliveries are held.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn get(&self, id: EntryId) -> Option<&Entry<S>> {
        self.entries.get(id.index).filter(|entry| entry.serial == id.serial)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry<S>> {
        self.entries.get_mut(id.index).filter(|entry| entry.serial == id.serial)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hash of an entry's lane; 0 if it has none but itself.
    pub(super) fn hash_of(&self, entry: &Entry<S>) -> u64 {
        entry.lane.and_then(|lane| self.lanes.get(lane)).map_or(0, |lane| lane.hash)
    }

    fn insert(
        &mut self,
        delivery: Arc<Delivery>,
        state: S,
        stage: Stage,
        lane: Option<usize>,
        since: Instant,
    ) -> EntryId {
        self.serial += 1;
        let serial = self.serial;
        let entry = Entry { delivery, state, since, serial, stage, has_own_bytes: false, lane, next: None };
        EntryId { index: self.entries.insert(entry), serial }
    }

    fn has_own_lane(&self, delivery: &Delivery) -> bool {
        match self.order {
            Order::ByKey => delivery.key.is_none(),
            Order::ByPartition => false,
            Order::None => true,
        }
    }

    fn find(&self, hash: u64, delivery: &Delivery) -> Option<usize> {
        if self.has_own_lane(delivery) {
            return None;
        }
        let same_lane = |lane: &usize| {
            // What the table names is a lane, and a lane's head an entry.
            let head = &self.entries[self.lanes[*lane].head].delivery;
            head.token.slot() == delivery.token.slot()
                && (self.order == Order::ByPartition || head.key == delivery.key)
        };
        self.by_hash.find(hash, same_lane).copied()
    }

    /// A lane of that hash, with the next entry to be inserted as its only one.
    fn open(&mut self, hash: u64, size_bytes: usize) -> usize {
        let index = self.entries.vacant_key();
        let held = LaneShare::of(size_bytes);
        let lane = self.lanes.insert(Lane { hash, head: index, tail: index, held });
        let lanes = &self.lanes;
        self.by_hash.insert_unique(hash, lane, |lane| lanes[*lane].hash);
        lane
    }

    fn close(&mut self, lane: usize) {
        let Some(Lane { hash, .. }) = self.lanes.try_remove(lane) else {
            return;
        };
        if let Ok(found) = self.by_hash.find_entry(hash, |other| *other == lane) {
            found.remove();
        }
    }

    /// `index` is an entry: the callers hold it.
    fn ready_at(&mut self, index: usize, class: Class) {
        self.entries[index].stage = Stage::Ready;
        let id = self.id(index);
        match class {
            Class::First => self.ready.push_back(id),
            Class::Again => self.ready_again.push_back(id),
        }
    }

    /// `index` is an entry: the callers hold it.
    fn id(&self, index: usize) -> EntryId {
        EntryId { index, serial: self.entries[index].serial }
    }
}

#[cfg(test)]
mod tests;
