//! Finds the head of a lane by the lane's hash. Pure.

/// Open addressing in one vector, at most half full: what is looked for lies in its place or right behind it. The hash is
/// keyed, so nobody can choose keys that crowd together.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// As many as a power of two says, or none.
    places: Vec<Place>,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u64,
    head: u32,
}

/// No head.
const FREE: u32 = u32::MAX;

const PLACES_MIN: usize = 64;

impl Heads {
    /// Whether there is none.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The head of that hash that `is_it`.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let at = self.find_place(hash, is_it)?;
        self.places.get(at).map(|place| place.head)
    }

    /// Adds the head of a lane that has none yet.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, head: u32) {
        if self.places.len() <= 2 * self.len {
            self.grow();
        }
        self.len += 1;
        self.put(Place { hash, head });
    }

    /// The lane of `head` has another from now on.
    pub(super) fn replace(&mut self, hash: u64, head: u32, next: u32) {
        if let Some(at) = self.find_place(hash, |other| other == head)
            && let Some(place) = self.places.get_mut(at)
        {
            place.head = next;
        }
    }

    /// Removes the head of a lane.
    #[inline]
    pub(super) fn remove(&mut self, hash: u64, head: u32) {
        let Some(mut hole) = self.find_place(hash, |other| other == head) else {
            return;
        };
        self.len -= 1;
        // What lies behind and was pushed back by what goes moves up, so that nothing has to mark the hole.
        let mut at = hole;
        loop {
            at = (at + 1) & (self.places.len() - 1);
            let place = self.places[at];
            if place.head == FREE {
                break;
            }
            let distance = |from: usize| at.wrapping_sub(from) & (self.places.len() - 1);
            if distance(self.home(place.hash)) >= distance(hole) {
                self.places[hole] = place;
                hole = at;
            }
        }
        self.places[hole].head = FREE;
    }

    /// Where that head lies.
    #[inline]
    fn find_place(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            // At most half of them are in use, so it ends.
            let place = &self.places[at];
            if place.head == FREE {
                return None;
            }
            if place.hash == hash && is_it(place.head) {
                return Some(at);
            }
            at = (at + 1) & (self.places.len() - 1);
        }
    }

    fn put(&mut self, new: Place) {
        let mut at = self.home(new.hash);
        while self.places[at].head != FREE {
            at = (at + 1) & (self.places.len() - 1);
        }
        self.places[at] = new;
    }

    /// By the upper bits: the lower ones chose the shard.
    fn home(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.places.len() - 1)
    }

    #[cold]
    fn grow(&mut self) {
        let more = (2 * self.places.len()).max(PLACES_MIN);
        let free = Place { hash: 0, head: FREE };
        let places = std::mem::replace(&mut self.places, vec![free; more]);
        places.into_iter().filter(|place| place.head != FREE).for_each(|place| self.put(place));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_equals_a_list(
            steps in prop::collection::vec((0..4_u8, prop::sample::select(vec![0, 1, 2, 61, 62, 63]), 0..40_u32), 1..400),
        ) {
            let (mut heads, mut list) = (Heads::default(), Vec::<(u64, u32)>::new());
            for (step, home, number) in steps {
                // Few homes, at both ends, so that many are crowded; and hashes that are equal.
                let hash = home << 32 | u64::from(number / 2);
                let at = list.iter().position(|one| *one == (hash, number));
                match (step, at) {
                    (0 | 1, None) => {
                        heads.insert(hash, number);
                        list.push((hash, number));
                    }
                    (2, Some(at)) => {
                        heads.replace(hash, number, number + 1_000);
                        heads.replace(hash, number + 1_000, number);
                        prop_assert_eq!(list[at], (hash, number));
                    }
                    (3, _) => {
                        heads.remove(hash, number);
                        list.retain(|one| *one != (hash, number));
                    }
                    _ => {}
                }
                prop_assert_eq!(heads.len(), list.len());
                for (hash, number) in &list {
                    prop_assert_eq!(heads.find(*hash, |head| head == *number), Some(*number));
                }
                let found = heads.find(hash, |head| head == number);
                prop_assert_eq!(found.is_some(), list.contains(&(hash, number)));
            }
        }
    }
}
