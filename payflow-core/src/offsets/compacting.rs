//! Long stretches that are finished behind one that is not, kept as gaps.

use std::ops::Range;

use super::{GAP_BITS_MAX, OffsetTracker, Segment};

/// With so many words the bits are looked through for the first time: half a million offsets.
pub(super) const WORDS_MIN: usize = 8_192;

impl OffsetTracker {
    /// Looks through the bits once there are twice as many as were left the last time, so that each is looked at about once.
    #[inline]
    pub(super) fn compact_if_large(&mut self) {
        if self.bits.words() >= self.compact_at {
            self.compact();
            self.compact_at = 2 * self.bits.words() + WORDS_MIN;
        }
    }

    /// Turns what is finished, old and takes words of its own into gaps, which take a segment each. Only what is unfinished, of
    /// which there is not much, and what is young keep bits.
    #[cold]
    pub(super) fn compact(&mut self) {
        // From the far end: the bits below keep their numbers.
        for stretch in self.finished_stretches().into_iter().rev() {
            let count = stretch.end - stretch.start;
            let begun = |bit: u64| move |segment: &Segment| segment.bit <= bit;
            let until = self.segments.partition_point(begun(stretch.end));
            // One begins at or below every bit there is.
            let Some(holder) = until.checked_sub(1).and_then(|last| self.segments.get(last)) else { return };
            let behind = Segment { offset: holder.offset_of(stretch.end), bit: stretch.start };
            let from = self.segments.partition_point(begun(stretch.start - 1));
            self.segments.drain(from..until);
            self.segments.insert(from, behind);
            self.segments.iter_mut().skip(from + 1).for_each(|segment| segment.bit -= count);
            self.young -= count;
            self.bits.remove(stretch);
        }
        self.bits.shrink();
    }

    /// Whole words between the head and what is young all of whose bits are set, where that is worth a segment; rising.
    fn finished_stretches(&self) -> Vec<Range<u64>> {
        let mut stretches = Vec::new();
        let mut unset = self.head;
        while unset < self.young {
            let set = self.bits.next_set(unset);
            unset = self.bits.next_unset(set);
            let (from, until) = (set.next_multiple_of(64), unset.min(self.young) / 64 * 64);
            if from.saturating_add(GAP_BITS_MAX) < until {
                stretches.push(from..until);
            }
        }
        stretches
    }
}
