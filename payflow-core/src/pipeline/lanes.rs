//! Which delivery may start now. Pure.
//!
//! A lane is a linked list through one slab of entries: a key that is idle costs nothing, and a record nothing but its
//! entry. Only the head of a lane is ever ready, running or waiting, so at most one of a lane runs by construction.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashTable;
use slab::Slab;

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
    pub(super) const fn delivery(&self) -> &Arc<Delivery> {
        &self.0.delivery
    }

    pub(super) fn into_delivery(self) -> Arc<Delivery> {
        self.0.delivery
    }
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
}

/// The lanes of one shard.
#[derive(Debug)]
pub(super) struct Lanes<S> {
    order: Order,
    entries: Slab<Entry<S>>,
    lanes: Slab<Lane>,
    by_hash: HashTable<usize>,
    ready: VecDeque<EntryId>,
    serial: u64,
}

impl<S: Default> Lanes<S> {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            entries: Slab::new(),
            lanes: Slab::new(),
            by_hash: HashTable::new(),
            ready: VecDeque::new(),
            serial: 0,
        }
    }

    /// Puts a delivery at the end of its lane.
    pub(super) fn push(&mut self, routed: Routed) {
        let Routed { hash, delivery } = routed;
        let existing = self.find(hash, &delivery);
        let alone = self.has_own_lane(&delivery);
        let EntryId { index, .. } = self.insert(delivery, Stage::Queued, existing);
        match existing {
            Some(lane) => {
                // The lane was just found, and a lane's head and tail are entries until the lane is removed with them.
                let tail = std::mem::replace(&mut self.lanes[lane].tail, index);
                self.entries[tail].next = Some(index);
                if self.entries[self.lanes[lane].head].stage == Stage::Parked {
                    self.entries[index].copy_out();
                }
            }
            None => {
                if !alone {
                    self.open(hash, index);
                }
                self.ready_at(index);
            }
        }
    }

    /// The delivery to start now if its lane is idle; puts it at the end of its lane otherwise.
    pub(super) fn push_or_start(&mut self, routed: Routed) -> Option<Direct> {
        if !self.by_hash.is_empty() && self.find(routed.hash, &routed.delivery).is_some() {
            self.push(routed);
            return None;
        }
        Some(Direct(routed))
    }

    /// Takes in what was started without, as the running head of its lane.
    pub(super) fn enter(&mut self, direct: Direct) -> EntryId {
        let Direct(Routed { hash, delivery }) = direct;
        let alone = self.has_own_lane(&delivery);
        let id = self.insert(delivery, Stage::Running, None);
        if !alone {
            self.open(hash, id.index);
        }
        id
    }

    /// Starts the delivery that has been ready longest.
    pub(super) fn start(&mut self) -> Option<EntryId> {
        while let Some(id) = self.ready.pop_front() {
            if let Some(entry) = self.get_mut(id) {
                entry.stage = Stage::Running;
                return Some(id);
            }
        }
        None
    }

    /// Whether [`start`](Self::start) may find something.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
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

    /// A parked or running entry may start again. An entry that is gone is ignored.
    pub(super) fn wake(&mut self, id: EntryId) {
        if self.get_mut(id).is_some_and(|entry| matches!(entry.stage, Stage::Parked | Stage::Running)) {
            self.ready_at(id.index);
        }
    }

    /// Takes out the head of a lane; the next of the lane becomes ready.
    pub(super) fn remove(&mut self, id: EntryId) -> Option<Entry<S>> {
        self.get_mut(id)?;
        let entry = self.entries.remove(id.index);
        match (entry.lane, entry.next) {
            (Some(lane), Some(next)) => {
                // An entry's lane lives as long as one of its entries, and `next` is one.
                self.lanes[lane].head = next;
                self.ready_at(next);
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

    /// How many deliveries are held.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&Entry<S>> {
        self.entries.get(id.index).filter(|entry| entry.serial == id.serial)
    }

    pub(super) fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry<S>> {
        self.entries.get_mut(id.index).filter(|entry| entry.serial == id.serial)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lanes.is_empty() && self.by_hash.is_empty()
    }

    fn insert(&mut self, delivery: Arc<Delivery>, stage: Stage, lane: Option<usize>) -> EntryId {
        self.serial += 1;
        let serial = self.serial;
        let entry =
            Entry { delivery, state: S::default(), serial, stage, has_own_bytes: false, lane, next: None };
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

    fn open(&mut self, hash: u64, index: usize) {
        let lane = self.lanes.insert(Lane { hash, head: index, tail: index });
        self.entries[index].lane = Some(lane);
        let lanes = &self.lanes;
        self.by_hash.insert_unique(hash, lane, |lane| lanes[*lane].hash);
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
    fn ready_at(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        entry.stage = Stage::Ready;
        self.ready.push_back(EntryId { index, serial: entry.serial });
    }
}

#[cfg(test)]
mod tests;
