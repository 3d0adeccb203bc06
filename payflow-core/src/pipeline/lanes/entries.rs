//! Places for entries, each used again. Pure.

use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::Instant;

use super::{Entry, EntryId, LaneShare, NONE, Stage};
use crate::consumer::Delivery;

/// The serial number of no entry.
const NOBODY: u64 = 0;

/// Entries by index. One is written where it stays and is never moved: most live for a turn or two only.
#[derive(Debug)]
pub(super) struct Entries<S> {
    places: Vec<Entry<S>>,
    /// The first place that is free; each names the next as what is behind it.
    free: u32,
    len: usize,
}

impl<S: Default> Entries<S> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NONE, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// A place for one more, to be filled. It holds nothing but what was known of the last one that was there.
    #[inline]
    pub(super) fn occupy(&mut self, since: Instant) -> (u32, &mut Entry<S>) {
        if self.free == NONE {
            self.add(since);
        }
        let index = self.free;
        // The list of free places names places only.
        let place = &mut self.places[index as usize];
        self.free = place.next;
        self.len += 1;
        (index, place)
    }

    /// Adds a place, which is free.
    #[cold]
    fn add(&mut self, since: Instant) {
        // No more entries than fit in memory.
        self.free = self.places.len() as u32;
        self.places.push(Entry {
            delivery: None,
            state: S::default(),
            since,
            serial: NOBODY,
            hash: 0,
            stage: Stage::Queued,
            has_own_bytes: false,
            alone: false,
            next: NONE,
            tail: NONE,
            held: LaneShare::default(),
        });
    }

    /// Takes one out, once it was looked at, and shows what was known of it, which stays until it is let go of or the place is filled again.
    /// Its number is gone: no id names the place then.
    #[inline]
    pub(super) fn take(
        &mut self,
        EntryId { index, serial }: EntryId,
        look: impl FnOnce(&Entry<S>),
    ) -> Option<(Arc<Delivery>, &mut S)> {
        let place = self.places.get_mut(index as usize).filter(|place| place.serial == serial)?;
        look(place);
        let delivery = place.delivery.take()?;
        place.serial = NOBODY;
        place.next = self.free;
        self.free = index;
        self.len -= 1;
        Some((delivery, &mut place.state))
    }

    /// What is, or was, at an index.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Entry<S>> {
        self.places.get(index as usize)
    }

    /// What is, or was, at an index.
    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Entry<S>> {
        self.places.get_mut(index as usize)
    }

    /// All there are, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry<S>)> {
        (0..).zip(&self.places).filter(|(_, entry)| entry.serial != NOBODY)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<S>> {
        self.places.iter_mut().filter(|entry| entry.serial != NOBODY)
    }
}

impl<S> Index<u32> for Entries<S> {
    type Output = Entry<S>;

    #[inline]
    fn index(&self, index: u32) -> &Entry<S> {
        &self.places[index as usize]
    }
}

impl<S> IndexMut<u32> for Entries<S> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut Entry<S> {
        &mut self.places[index as usize]
    }
}
