//! Which delivery may start now. Pure.
//!
//! A lane is a linked list through one vector of entries, and what is to be known of it lies in its head: a key that is idle
//! costs nothing, and a record nothing but its entry. Only the head of a lane is ever ready, running or waiting, so at most
//! one of a lane runs by construction.

mod entries;
mod fullness;
mod heads;
mod share;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use entries::Entries;
use heads::Heads;

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

/// Names a lane, by its head, until the next change.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneHead(u32);

/// What may start, by what it would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) enum Class {
    /// A first attempt.
    #[default]
    First,
    /// What failed before: a further attempt, or its dead letter.
    Again,
}

/// Names an entry; never another one that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    index: u32,
    serial: u64,
}

/// No entry.
const NONE: u32 = u32::MAX;

/// A delivery that a shard holds, with whatever `S` its owner knows of it.
#[derive(Debug)]
pub(super) struct Entry<S> {
    /// Present as long as the entry is.
    delivery: Option<Arc<Delivery>>,
    pub(super) state: S,
    /// When it came.
    pub(super) since: Instant,
    /// From 1.
    serial: u64,
    /// Of its lane.
    hash: u64,
    stage: Stage,
    has_own_bytes: bool,
    /// It is a lane of its own, which nothing is ever put behind.
    alone: bool,
    /// The one behind it, or [`NONE`].
    next: u32,
    /// The last of its lane, if it is the head.
    tail: u32,
    /// What its lane holds, if it is the head.
    held: LaneShare,
}

impl<S> Entry<S> {
    #[inline]
    pub(super) const fn delivery(&self) -> &Arc<Delivery> {
        self.delivery.as_ref().expect("an entry has one until it is removed")
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running)
    }

    pub(super) const fn is_parked(&self) -> bool {
        matches!(self.stage, Stage::Parked)
    }

    fn copy_out(&mut self) {
        if !std::mem::replace(&mut self.has_own_bytes, true) {
            let mut delivery = Delivery::clone(self.delivery());
            delivery.content.copy_out();
            self.delivery = Some(Arc::new(delivery));
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

/// The lanes of one shard.
#[derive(Debug)]
pub(super) struct Lanes<S> {
    order: Order,
    /// What a lane may hold before it is full.
    share: LaneShare,
    entries: Entries<S>,
    heads: Heads,
    /// First attempts.
    ready: VecDeque<EntryId>,
    ready_again: VecDeque<EntryId>,
    /// By slot: an offset that its partition has come to.
    newest: Vec<i64>,
    serial: u64,
}

impl<S: Default> Lanes<S> {
    pub(super) fn new(order: Order, share: LaneShare) -> Self {
        Self {
            order,
            share,
            entries: Entries::new(),
            heads: Heads::default(),
            ready: VecDeque::new(),
            ready_again: VecDeque::new(),
            newest: Vec::new(),
            serial: 0,
        }
    }

    /// Puts a delivery at the end of its lane, which was just [looked up](Self::lane_of). If that is full now, it tells its head.
    pub(super) fn push(
        &mut self,
        lane: Option<LaneHead>,
        routed: Routed,
        state: S,
        now: Instant,
    ) -> Option<EntryId> {
        let Some(LaneHead(head)) = lane else {
            let EntryId { index, .. } = self.open(routed, state, Stage::Ready, now);
            self.ready_at(index, Class::First);
            return None;
        };
        let size_bytes = routed.delivery.size_bytes();
        let EntryId { index, .. } = self.insert(routed, state, Stage::Queued, false, now);
        // The head was just found, and a lane's tail is an entry.
        let entry = &mut self.entries[head];
        entry.held.add(size_bytes);
        let (tail, head_waits) = (std::mem::replace(&mut entry.tail, index), entry.is_parked());
        self.entries[tail].next = index;
        if head_waits {
            self.entries[index].copy_out();
        }
        self.is_full(head).then(|| self.id(head))
    }

    /// The lane of a delivery, if that holds something. If it is idle, the delivery may start [directly](Direct).
    // Always: for each message.
    #[inline(always)]
    pub(super) fn lane_of(&self, routed: &Routed) -> Option<LaneHead> {
        if self.heads.is_empty() || self.has_own_lane(&routed.delivery) {
            return None;
        }
        let delivery = &routed.delivery;
        let same_lane = |head: u32| {
            // What a chain names is an entry.
            let head = self.entries[head].delivery();
            head.token.slot() == delivery.token.slot()
                && (self.order == Order::ByPartition || head.key() == delivery.key())
        };
        self.heads.find(routed.hash, same_lane).map(LaneHead)
    }

    /// Takes in what was started without, as the running head of its lane.
    #[inline(always)]
    pub(super) fn enter(&mut self, direct: Direct, state: S, since: Instant) -> EntryId {
        self.open(direct.0, state, Stage::Running, since)
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
        let mut next = id.index;
        while let Some(entry) = self.entries.get_mut(next) {
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

    /// Takes out the head of a lane, and shows what was known of it, to be let go of; the next of the lane becomes
    /// ready.
    // Always: for each message that waited.
    #[inline(always)]
    pub(super) fn remove(&mut self, id: EntryId) -> Option<(Arc<Delivery>, &mut S)> {
        if self.get(id)?.next != NONE {
            self.succeed(id.index);
            return self.entries.take(id, |_| ());
        }
        let heads = &mut self.heads;
        self.entries.take(id, |entry| {
            if !entry.alone {
                heads.remove(entry.hash, id.index);
            }
        })
    }

    /// The next of a lane whose head goes is its head.
    #[inline(never)]
    fn succeed(&mut self, gone: u32) {
        let &Entry { hash, next, tail, held, .. } = &self.entries[gone];
        let size_bytes = self.entries[gone].delivery().size_bytes();
        // What is behind a head is an entry as long as the head is.
        let head = &mut self.entries[next];
        head.tail = tail;
        head.held = held;
        head.held.remove(size_bytes);
        self.heads.replace(hash, gone, next);
        self.ready_at(next, Class::First);
    }

    /// Takes out what is not running of the partition `slot` (`None`: of all), and shows what is running.
    pub(super) fn take_unstarted(
        &mut self,
        slot: Option<u32>,
        mut taken: impl FnMut(Arc<Delivery>),
        mut running: impl FnMut(EntryId, &mut S),
    ) {
        let concerned = |entry: &Entry<S>| slot.is_none_or(|slot| entry.delivery().token.slot() == slot);
        let indices: Vec<u32> =
            self.entries.iter().filter(|(_, entry)| concerned(entry)).map(|(index, _)| index).collect();
        for index in indices {
            // The indices were just listed, and each is visited once.
            let entry = &mut self.entries[index];
            if entry.is_running() {
                entry.next = NONE;
                entry.tail = index;
                entry.held = LaneShare::of(entry.delivery().size_bytes());
                running(EntryId { index, serial: entry.serial }, &mut entry.state);
                continue;
            }
            if entry.stage != Stage::Queued && !entry.alone {
                self.heads.remove(entry.hash, index);
            }
            let serial = entry.serial;
            if let Some((delivery, state)) = self.entries.take(EntryId { index, serial }, |_| ()) {
                *state = S::default();
                taken(delivery);
            }
        }
    }

    /// As what a failure of an entry counts for a storm: its key or, where there is no order by key, itself.
    pub(super) fn storm_lane(&self, id: EntryId) -> u64 {
        let Some(entry) = self.get(id) else { return 0 };
        if self.order == Order::ByKey && !entry.alone {
            return entry.hash;
        }
        let token = entry.delivery().token;
        entry.delivery().offset.cast_unsigned() ^ u64::from(token.slot()).rotate_right(16)
    }

    /// All that is held, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<S>> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// What is known of each, in no order.
    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.entries.iter_mut().map(|entry| &mut entry.state)
    }

    /// Those of which that holds.
    pub(super) fn find_all(&self, holds: impl Fn(&S) -> bool) -> Vec<EntryId> {
        let found = self.entries.iter().filter(|(_, entry)| holds(&entry.state));
        found.map(|(index, entry)| EntryId { index, serial: entry.serial }).collect()
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
        self.entries.len() == 0
    }

    /// The hash of an entry's lane; 0 if it has none but itself.
    pub(super) const fn hash_of(entry: &Entry<S>) -> u64 {
        if entry.alone { 0 } else { entry.hash }
    }

    /// Opens a lane with its first entry.
    #[inline(always)]
    fn open(&mut self, routed: Routed, state: S, stage: Stage, now: Instant) -> EntryId {
        let (alone, hash) = (self.has_own_lane(&routed.delivery), routed.hash);
        let id = self.insert(routed, state, stage, alone, now);
        if !alone {
            self.heads.insert(hash, id.index);
        }
        id
    }

    #[inline(always)]
    fn insert(&mut self, routed: Routed, state: S, stage: Stage, alone: bool, since: Instant) -> EntryId {
        self.serial += 1;
        let Routed { hash, delivery } = routed;
        let (index, place) = self.entries.occupy(since);
        place.held = LaneShare::of(delivery.size_bytes());
        place.delivery = Some(delivery);
        place.state = state;
        place.since = since;
        place.serial = self.serial;
        place.hash = hash;
        place.stage = stage;
        place.has_own_bytes = false;
        place.alone = alone;
        place.next = NONE;
        place.tail = index;
        EntryId { index, serial: self.serial }
    }

    fn has_own_lane(&self, delivery: &Delivery) -> bool {
        if self.order == Order::ByKey { delivery.key().is_none() } else { self.order == Order::None }
    }

    /// `index` is an entry: the callers hold it.
    fn ready_at(&mut self, index: u32, class: Class) {
        let entry = &mut self.entries[index];
        entry.stage = Stage::Ready;
        let id = EntryId { index, serial: entry.serial };
        match class {
            Class::First => self.ready.push_back(id),
            Class::Again => self.ready_again.push_back(id),
        }
    }

    /// `index` is an entry: the callers hold it.
    fn id(&self, index: u32) -> EntryId {
        EntryId { index, serial: self.entries[index].serial }
    }
}

#[cfg(test)]
mod tests;
