//! Places for entries, each used again. Pure.

use std::ops::{Index, IndexMut};

use super::{Entry, NONE};

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

    /// Where the next is inserted.
    #[inline]
    pub(super) const fn next_index(&self) -> u32 {
        // So many would not fit in memory.
        if self.free == NONE { self.places.len() as u32 } else { self.free }
    }

    /// Puts one at the [`next_index`](Self::next_index).
    #[inline(always)]
    pub(super) fn insert(&mut self, entry: Entry<S>) {
        self.len += 1;
        match self.places.get_mut(self.free as usize) {
            Some(place) => {
                self.free = place.next;
                // It was let go of: to drop it would be two looks at nothing.
                std::mem::forget(std::mem::replace(place, entry));
            }
            None => self.places.push(entry),
        }
    }

    /// Lets go of the one at an index. What was known of it is gone, and its number with it: no id names the place then.
    #[inline]
    pub(super) fn free(&mut self, index: u32) {
        if let Some(place) = self.places.get_mut(index as usize)
            && place.serial != NOBODY
        {
            place.serial = NOBODY;
            place.delivery = None;
            place.state = S::default();
            place.next = self.free;
            self.free = index;
            self.len -= 1;
        }
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
