//! A long row of bits, added to at one end and forgotten at the other.

#[cfg(test)]
use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Range;

/// Bits by rising numbers. What is asked of it lies between what was forgotten and the end.
#[derive(Debug, Clone)]
pub(super) struct Bits {
    words: VecDeque<u64>,
    /// Number of the first bit held, a multiple of 64.
    from: u64,
    /// Number of the bit that is pushed next.
    end: u64,
    /// Words read or written, to show what an event costs.
    #[cfg(test)]
    touched: Cell<u64>,
}

impl Bits {
    pub(super) const fn new() -> Self {
        Self {
            words: VecDeque::new(),
            from: 0,
            end: 0,
            #[cfg(test)]
            touched: Cell::new(0),
        }
    }

    /// Number of the bit that is pushed next.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Adds so many that are not set.
    #[inline]
    pub(super) fn push_unset(&mut self, count: u64) {
        self.end += count;
        // `from` is a multiple of 64.
        while self.from + 64 * (self.words.len() as u64) < self.end {
            self.grow();
        }
    }

    /// Adds so many that are set.
    pub(super) fn push_set(&mut self, count: u64) {
        self.push_unset(count);
        for bit in self.end - count..self.end {
            self.set(bit);
        }
    }

    fn grow(&mut self) {
        if self.words.len() == self.words.capacity() {
            // A quarter at a time rather than double: a million bits are to stay near their 122 KiB.
            self.words.reserve_exact(self.words.len() / 4 + 1);
        }
        self.words.push_back(0);
    }

    /// Whether it was not set before.
    #[inline]
    pub(super) fn set(&mut self, bit: u64) -> bool {
        let (index, mask) = self.place(bit);
        self.touch();
        self.words.get_mut(index).is_some_and(|word| {
            let unset = *word & mask == 0;
            *word |= mask;
            unset
        })
    }

    pub(super) fn is_set(&self, bit: u64) -> bool {
        let (index, mask) = self.place(bit);
        self.word(index).is_some_and(|word| word & mask != 0)
    }

    /// The first bit at `bit` or above that is set; the end if there is none.
    pub(super) fn next_set(&self, bit: u64) -> u64 {
        self.find(bit, |word| word)
    }

    /// The first bit at `bit` or above that is not set; the end if there is none.
    pub(super) fn next_unset(&self, bit: u64) -> u64 {
        self.find(bit, |word| !word)
    }

    /// How many bits from `from` to below `until` are not set.
    pub(super) fn count_unset(&self, from: u64, until: u64) -> u64 {
        let mut unset = 0;
        let mut bit = from.max(self.from);
        while bit < until {
            let (index, _) = self.place(bit);
            let within = bit % 64;
            let count = (64 - within).min(until - bit);
            let mask = (u64::MAX >> (64 - count)) << within;
            let word = self.word(index).unwrap_or(u64::MAX);
            unset += u64::from((!word & mask).count_ones());
            bit += count;
        }
        unset
    }

    /// Forgets what lies below `bit`, by whole words.
    pub(super) fn forget_below(&mut self, bit: u64) {
        while self.from + 64 <= bit && self.words.pop_front().is_some() {
            self.from += 64;
        }
    }

    /// How many words it has.
    #[inline]
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    /// Takes out whole words: what lies behind them has lower numbers from then on.
    pub(super) fn remove(&mut self, bits: Range<u64>) {
        let ((from, _), (until, _)) = (self.place(bits.start), self.place(bits.end));
        let until = until.min(self.words.len());
        self.words.drain(from.min(until)..until);
        self.end -= bits.end - bits.start;
    }

    /// Lets go of memory that is not needed at present.
    pub(super) fn shrink(&mut self) {
        self.words.shrink_to_fit();
    }

    /// Forgets everything, and numbers anew.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.from = 0;
        self.end = 0;
    }

    fn find(&self, bit: u64, sought: impl Fn(u64) -> u64) -> u64 {
        let mut at = bit;
        while at < self.end {
            let (index, _) = self.place(at);
            let left = self.word(index).map_or(0, |word| sought(word) >> (at % 64));
            if left != 0 {
                return (at + u64::from(left.trailing_zeros())).min(self.end);
            }
            at += 64 - at % 64;
        }
        self.end
    }

    fn word(&self, index: usize) -> Option<u64> {
        self.touch();
        self.words.get(index).copied()
    }

    /// Index of a bit's word, and its mask in it. `from` is a multiple of 64.
    const fn place(&self, bit: u64) -> (usize, u64) {
        (((bit - self.from) / 64) as usize, 1 << (bit % 64))
    }

    #[cfg(test)]
    fn touch(&self) {
        self.touched.set(self.touched.get() + 1);
    }

    #[cfg(not(test))]
    const fn touch(&self) {}
}

#[cfg(test)]
impl Bits {
    pub(super) const fn touched(&self) -> u64 {
        self.touched.get()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}
