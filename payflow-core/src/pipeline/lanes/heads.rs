//! Finds the head of a lane by the lane's hash. Pure.

/// Chains of heads, one for each of some parts of all hashes. The hash is keyed, so nobody can choose keys that crowd together.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The first of each chain, or [`NONE`]. As many as a power of two says, or none; never fewer than twice the heads.
    chains: Vec<u32>,
    /// By head: what is behind it.
    links: Vec<Link>,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    hash: u64,
    next: u32,
}

/// No head.
const NONE: u32 = u32::MAX;

const CHAINS_MIN: usize = 64;

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
    // Always: for each message, and most chains are empty.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let first = *self.chains.get(self.chain(hash))?;
        if first == NONE { None } else { self.find_behind(first, hash, is_it) }
    }

    #[inline(never)]
    fn find_behind(&self, first: u32, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = first;
        while let Some(link) = self.links.get(at as usize) {
            if link.hash == hash && is_it(at) {
                return Some(at);
            }
            at = link.next;
        }
        None
    }

    /// Adds the head of a lane that has none yet.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, head: u32) {
        if self.chains.len() <= 2 * self.len || self.links.len() <= head as usize {
            self.grow(head);
        }
        self.len += 1;
        self.put(hash, head);
    }

    /// The lane of `head` has another from now on.
    pub(super) fn replace(&mut self, hash: u64, head: u32, next: u32) {
        if self.links.len() <= next as usize {
            self.grow(next);
        }
        let behind = self.behind(head);
        if self.redirect(hash, head, next)
            && let Some(link) = self.links.get_mut(next as usize)
        {
            *link = Link { hash, next: behind };
        }
    }

    /// Removes the head of a lane.
    #[inline]
    pub(super) fn remove(&mut self, hash: u64, head: u32) {
        if self.redirect(hash, head, self.behind(head)) {
            self.len -= 1;
        }
    }

    #[inline]
    fn behind(&self, head: u32) -> u32 {
        self.links.get(head as usize).map_or(NONE, |link| link.next)
    }

    /// What leads to `head` in its chain leads to another from now on. False if nothing does.
    #[inline]
    fn redirect(&mut self, hash: u64, head: u32, other: u32) -> bool {
        let chain = self.chain(hash);
        let Some(first) = self.chains.get_mut(chain) else {
            return false;
        };
        if *first == head {
            *first = other;
            return true;
        }
        let mut before = *first;
        while let Some(link) = self.links.get_mut(before as usize) {
            if link.next == head {
                link.next = other;
                return true;
            }
            before = link.next;
        }
        false
    }

    /// There is room for it.
    #[inline]
    fn put(&mut self, hash: u64, head: u32) {
        let chain = self.chain(hash);
        if let (Some(first), Some(link)) = (self.chains.get_mut(chain), self.links.get_mut(head as usize)) {
            *link = Link { hash, next: std::mem::replace(first, head) };
        }
    }

    /// By the upper bits: the lower ones chose the shard.
    #[inline]
    fn chain(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.chains.len().wrapping_sub(1)
    }

    /// Makes room for one more, which is called that.
    #[cold]
    fn grow(&mut self, head: u32) {
        let links = (head as usize + 1).max(self.links.len());
        self.links.resize(links, Link { hash: 0, next: NONE });
        if 2 * self.len < self.chains.len() {
            return;
        }
        let more = (2 * self.chains.len()).max(CHAINS_MIN);
        for first in std::mem::replace(&mut self.chains, vec![NONE; more]) {
            let mut at = first;
            while let Some(&Link { hash, next }) = self.links.get(at as usize) {
                self.put(hash, at);
                at = next;
            }
        }
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
                let number = 100 * home as u32 + number;
                let at = list.iter().position(|one| *one == (hash, number));
                match (step, at) {
                    (0 | 1, None) => {
                        heads.insert(hash, number);
                        list.push((hash, number));
                    }
                    (2, Some(at)) => {
                        heads.replace(hash, number, number + 10_000);
                        heads.replace(hash, number + 10_000, number);
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
