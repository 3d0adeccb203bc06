//! Which of the offsets that were received from a partition are finished.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

/// A gap of up to so many offsets is kept as finished bits: a segment of its own would take more room.
const GAP_BITS_MAX: u64 = 8 * size_of::<Segment>() as u64;

/// Tells, for one assignment of one partition, the watermark: the offset below which all received is finished.
///
/// Offsets come in rising order and are finished in any. Those in between that never come (compaction, transaction
/// markers) are no hindrance: the next one received closes the gap, and at the end of the partition its
/// [position](Self::end) does. It is a value without clock or I/O, holds a bit for each offset from the oldest
/// unfinished one on, and nothing for a wide gap.
///
/// ```
/// use payflow_core::OffsetTracker;
///
/// let mut tracker = OffsetTracker::new(10);
/// for offset in [10, 11, 14] {
///     tracker.receive(offset);
/// }
/// tracker.finish(11);
/// tracker.finish(14);
/// assert_eq!(tracker.watermark(), 10);
/// tracker.finish(10);
/// assert_eq!(tracker.watermark(), 15);
/// ```
#[derive(Debug, Clone)]
pub struct OffsetTracker {
    /// Stretches of offsets, each beginning behind a wide gap. Empty when nothing is unfinished.
    segments: VecDeque<Segment>,
    /// A bit an offset, set when it is finished; the first word holds the bit `words_from`.
    words: VecDeque<u64>,
    /// Number of the first bit held, a multiple of 64.
    words_from: u64,
    /// Number of the oldest unfinished bit.
    head: u64,
    /// Number of the bit that the next offset gets.
    tail: u64,
    /// Behind all that was received, and behind the end that was told.
    position: i64,
    unfinished: u64,
}

/// Offsets from `offset` on have the bits from `bit` on, up to the next segment's.
#[derive(Debug, Clone, Copy)]
struct Segment {
    offset: i64,
    bit: u64,
}

impl OffsetTracker {
    /// Nothing received yet; everything below `position` is finished. `position` is the committed offset, or where
    /// reading starts.
    #[must_use]
    pub const fn new(position: i64) -> Self {
        Self {
            segments: VecDeque::new(),
            words: VecDeque::new(),
            words_from: 0,
            head: 0,
            tail: 0,
            position,
            unfinished: 0,
        }
    }

    /// Takes note of an offset that was received, and is unfinished from now on.
    ///
    /// False, and nothing changed, if it is below the [position](Self::position), so was received before, or is
    /// `i64::MAX`, behind which there is no position.
    pub fn receive(&mut self, offset: i64) -> bool {
        if offset < self.position || offset == i64::MAX {
            return false;
        }
        let contiguous = self.segments.back().is_some_and(|last| {
            let gap = offset.abs_diff(last.offset) - (self.tail - last.bit);
            let narrow = gap <= GAP_BITS_MAX;
            if narrow {
                for _ in 0..gap {
                    push(&mut self.words, self.words_from, &mut self.tail, true);
                }
            }
            narrow
        });
        if !contiguous {
            self.segments.push_back(Segment { offset, bit: self.tail });
        }
        push(&mut self.words, self.words_from, &mut self.tail, false);
        self.unfinished += 1;
        self.position = offset + 1;
        true
    }

    /// Marks an offset as finished. False, and nothing changed, if it was never received or is finished already.
    pub fn finish(&mut self, offset: i64) -> bool {
        let Some(bit) = self.unfinished_bit(offset) else {
            return false;
        };
        let (word, mask) = self.place(bit);
        if let Some(word) = self.words.get_mut(word) {
            *word |= mask;
        }
        self.unfinished -= 1;
        if self.unfinished == 0 {
            self.forget_all();
        } else if bit == self.head {
            self.advance_head();
        }
        true
    }

    /// The reader stands at `position`: offsets below it that were not received never will be. Lower than before, it
    /// changes nothing.
    pub const fn end(&mut self, position: i64) {
        if position > self.position {
            self.position = position;
        }
    }

    /// The offset below which everything received is finished: what may be committed. It never goes back.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        // Segments wholly below the head are dropped, so the first one holds it.
        self.segments
            .front()
            .map_or(self.position, |first| first.offset.saturating_add_unsigned(self.head - first.bit))
    }

    /// Behind everything received, and behind the end that was told.
    #[must_use]
    pub const fn position(&self) -> i64 {
        self.position
    }

    /// How many received offsets are not finished.
    #[must_use]
    pub const fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// Whether this offset was received and is not finished.
    #[must_use]
    pub fn is_unfinished(&self, offset: i64) -> bool {
        self.unfinished_bit(offset).is_some()
    }

    fn unfinished_bit(&self, offset: i64) -> Option<u64> {
        let after = self.segments.partition_point(|segment| segment.offset <= offset);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let end = self.segments.get(after).map_or(self.tail, |next| next.bit);
        let bit = segment.bit.checked_add(offset.abs_diff(segment.offset))?;
        if bit < self.head || bit >= end {
            return None;
        }
        let (word, mask) = self.place(bit);
        (self.words.get(word)? & mask == 0).then_some(bit)
    }

    /// Index of a bit's word, and its mask in it. Bits below `words_from` are below the head, and never asked for.
    const fn place(&self, bit: u64) -> (usize, u64) {
        let from_first = bit - self.words_from;
        ((from_first / 64) as usize, 1 << (from_first % 64))
    }

    /// Moves the head to the next unfinished bit, which there is, and drops what lies below.
    fn advance_head(&mut self) {
        while let Some(first) = self.words.front() {
            let within = self.head - self.words_from;
            let finished = u64::from((first >> within).trailing_ones());
            if within + finished < 64 {
                self.head += finished;
                break;
            }
            self.words.pop_front();
            self.words_from += 64;
            self.head = self.words_from;
        }
        while self.segments.get(1).is_some_and(|second| second.bit <= self.head) {
            self.segments.pop_front();
        }
    }

    fn forget_all(&mut self) {
        self.segments.clear();
        self.words.clear();
        self.words_from = 0;
        self.head = 0;
        self.tail = 0;
    }
}

fn push(words: &mut VecDeque<u64>, words_from: u64, tail: &mut u64, finished: bool) {
    let from_first = *tail - words_from;
    if from_first.is_multiple_of(64) {
        if words.len() == words.capacity() {
            // A quarter at a time rather than double: a million bits are to stay near their 122 KiB.
            words.reserve_exact(words.len() / 4 + 1);
        }
        words.push_back(0);
    }
    if finished && let Some(last) = words.back_mut() {
        *last |= 1 << (from_first % 64);
    }
    *tail += 1;
}
