//! Which of the offsets that were received from a partition are finished.

mod bits;
mod compacting;
mod encoding;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

pub use encoding::{CommitMetadata, FinishedBeyond, InvalidMetadata};

use bits::Bits;

/// A gap of up to so many offsets is kept as finished bits: a segment of its own would take more room.
const GAP_BITS_MAX: u64 = 8 * size_of::<Segment>() as u64;

/// Tells, for one assignment of one partition, what a commit says: the watermark, the offset below which all received is
/// finished, and what is [finished beyond](Self::finished_beyond) it.
///
/// Offsets come in rising order and are finished in any. Those in between that never come (compaction, transaction
/// markers) are no hindrance: the next one received closes the gap, and at the end of the partition its
/// [position](Self::end) does. It is a value without clock or I/O, and holds a bit for each offset from the oldest
/// unfinished one on, but nothing for a wide gap, and in the long run nothing for a long stretch that is finished: however
/// long one record is stuck, its memory stays within some 130 KiB.
///
/// ```
/// use payflow_core::{FinishedBeyond, OffsetTracker, Received};
///
/// let mut tracker = OffsetTracker::new(10);
/// for offset in [10, 11, 14] {
///     assert_eq!(tracker.receive(offset), Received::New);
/// }
/// tracker.finish(11);
/// tracker.finish(14);
/// assert_eq!(tracker.watermark(), 10);
///
/// // What a commit carries, and the next owner of the partition makes of it.
/// let metadata = tracker.finished_beyond().encode(10).text;
/// let mut next = OffsetTracker::resume(10, FinishedBeyond::decode(10, &metadata)?);
/// assert_eq!(next.receive(10), Received::New);
/// assert_eq!(next.receive(11), Received::Finished);
/// assert_eq!(next.receive(14), Received::Finished);
/// next.finish(10);
/// assert_eq!(next.watermark(), 15);
/// # Ok::<(), payflow_core::InvalidMetadata>(())
/// ```
#[derive(Debug, Clone)]
pub struct OffsetTracker {
    /// Stretches of offsets, each beginning behind a wide gap. Empty when nothing is unfinished.
    segments: VecDeque<Segment>,
    /// A bit an offset, set when it is finished.
    bits: Bits,
    /// The offset that the next bit is of, while one is unfinished; else `i64::MAX`, which never comes.
    next: i64,
    /// Number of the oldest unfinished bit.
    head: u64,
    /// Number of the first bit that has a bit of its own in a commit's metadata.
    young: u64,
    /// Unfinished ones below `young`.
    old_unfinished: u64,
    unfinished: u64,
    /// With so many words of bits they are looked through for what may become gaps.
    compact_at: usize,
    /// Behind all that was received, and behind the end that was told.
    position: i64,
    /// What was finished before, behind the last unfinished offset received.
    resumed: VecDeque<Range<i64>>,
}

/// What an offset that was received is to its partition's tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "only what is new is handed over"]
pub enum Received {
    /// It is unfinished from now on: hand it over.
    New,
    /// It was finished before the partition was assigned: it is done, and not handed over.
    Finished,
    /// It lies below the [position](OffsetTracker::position), so was received before: it is not handed over again.
    Repeated,
}

/// Offsets from `offset` on have the bits from `bit` on, up to the next segment's.
#[derive(Debug, Clone, Copy)]
struct Segment {
    offset: i64,
    bit: u64,
}

impl OffsetTracker {
    /// The most bytes of a commit's metadata that a partition may come to need: while
    /// [`metadata_bytes_max`](Self::metadata_bytes_max) is not below it, nothing more of that partition is received.
    ///
    /// As text that is 4,000 characters, of the 4,096 that Kafka takes by default (`offset.metadata.max.bytes`).
    pub const METADATA_BYTES_MAX: u64 = 3_000;

    /// How many offsets can be unfinished at once while the intake stops at
    /// [`METADATA_BYTES_MAX`](Self::METADATA_BYTES_MAX): the youngest 16,384, and 159 older ones.
    pub const UNFINISHED_MAX: usize = (encoding::WINDOW
        + (Self::METADATA_BYTES_MAX - encoding::WINDOW / 8).div_ceil(encoding::OLD_BYTES))
        as usize;

    /// Nothing received yet; everything below `position` is finished. `position` is the committed offset, or where
    /// reading starts.
    #[must_use]
    pub const fn new(position: i64) -> Self {
        Self {
            segments: VecDeque::new(),
            bits: Bits::new(),
            next: i64::MAX,
            head: 0,
            young: 0,
            old_unfinished: 0,
            unfinished: 0,
            compact_at: compacting::WORDS_MIN,
            position,
            resumed: VecDeque::new(),
        }
    }

    /// The same, with what the last commit said was finished beyond its watermark. Reading starts at `position`.
    #[must_use]
    pub fn resume(position: i64, finished: FinishedBeyond) -> Self {
        let mut tracker = Self { resumed: finished.into_ranges().into(), ..Self::new(position) };
        tracker.forget_resumed(position);
        tracker
    }

    /// Takes note of an offset that was received. One that is [new](Received::New) is unfinished from now on.
    ///
    /// `i64::MAX`, behind which there is no position, is never new.
    pub fn receive(&mut self, offset: i64) -> Received {
        if offset < self.position || offset == i64::MAX {
            return Received::Repeated;
        }
        self.position = offset + 1;
        if self.was_finished_before(offset) {
            // It is as if it never came: a gap is finished, too.
            if self.unfinished == 0 {
                self.forget_resumed(self.position);
            }
            return Received::Finished;
        }
        self.append(offset, 1);
        self.forget_resumed(offset);
        Received::New
    }

    /// Takes note of offsets that follow one another as if each was [received](Self::receive), if that is simple: each is
    /// [new](Received::New), none is missing before them, and all of them leave a commit's metadata
    /// [within its bound](Self::METADATA_BYTES_MAX). False, and nothing changed, if it is not; then each is to be received by itself.
    pub fn receive_run(&mut self, offsets: RangeInclusive<i64>) -> bool {
        let (first, last) = offsets.into_inner();
        let is_next = first >= self.position && (first == self.next || self.unfinished == 0);
        if !is_next || last < first || last == i64::MAX || !self.resumed.is_empty() {
            return false;
        }
        let count = last.abs_diff(first) + 1;
        // One that is new makes at most one older one grow old, and none if nothing is so far behind.
        let behind = self.position.saturating_add_unsigned(count).abs_diff(self.watermark());
        let grow_old = count.min(behind.saturating_sub(encoding::WINDOW));
        if grow_old > self.metadata_headroom_bytes() / encoding::OLD_BYTES {
            return false;
        }
        self.position = last + 1;
        self.append(first, count);
        true
    }

    /// Marks an offset as finished. False, and nothing changed, if it was never new or is finished already.
    pub fn finish(&mut self, offset: i64) -> bool {
        let Some(bit) = self.bit_of(offset) else {
            return false;
        };
        if !self.bits.set(bit) {
            return false;
        }
        self.unfinished -= 1;
        self.old_unfinished -= u64::from(bit < self.young);
        if self.unfinished == 0 {
            self.forget_all();
        } else if bit == self.head {
            self.advance_head();
        }
        true
    }

    /// The reader stands at `position`: offsets below it that were not received never will be. Lower than before, it
    /// changes nothing.
    pub fn end(&mut self, position: i64) {
        if position > self.position {
            self.position = position;
            if self.unfinished == 0 {
                self.forget_resumed(position);
            }
        }
    }

    /// The offset below which everything is finished: what may be committed. It never goes back.
    ///
    /// Where all that was received is finished it may lie beyond the [position](Self::position): what comes next was
    /// finished before.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        // Segments wholly below the head are dropped, so the first one holds it.
        let Some(first) = self.segments.front() else {
            let next = self.resumed.front().filter(|next| next.start <= self.position);
            return next.map_or(self.position, |next| next.end);
        };
        first.offset_of(self.head)
    }

    /// What is finished beyond the watermark, that which [was so before](Self::resume) included. Offsets that never came
    /// count as finished.
    #[must_use]
    pub fn finished_beyond(&self) -> FinishedBeyond {
        let mut finished = FinishedBeyond::none();
        let (mut behind, last) = (self.watermark(), self.bits.end());
        for (index, segment) in self.segments.iter().enumerate() {
            // The gap before it.
            finished.push(behind..segment.offset);
            let end = self.segments.get(index + 1).map_or(last, |next| next.bit);
            let mut bit = segment.bit.max(self.head);
            while bit < end {
                let from = self.bits.next_set(bit).min(end);
                bit = self.bits.next_unset(from).min(end);
                finished.push(segment.offset_of(from)..segment.offset_of(bit));
            }
            behind = segment.offset_of(end);
        }
        for range in &self.resumed {
            // Nothing between what is unfinished and the position is: what was not finished before never came.
            let start = if range.start <= self.position { behind } else { range.start };
            finished.push(start..range.end);
        }
        finished
    }

    /// The most bytes that a commit's metadata may come to take, whatever finishes next: 6 for each unfinished offset
    /// older than the youngest 16,384, and 2,048 for those.
    ///
    /// What was finished before and has not come yet is not in it: it found room when it was committed.
    #[must_use]
    pub const fn metadata_bytes_max(&self) -> u64 {
        encoding::WINDOW / 8 + encoding::OLD_BYTES * self.old_unfinished
    }

    /// How far [`metadata_bytes_max`](Self::metadata_bytes_max) is from the
    /// [most that there may be](Self::METADATA_BYTES_MAX); 0 while nothing more is received.
    #[must_use]
    pub const fn metadata_headroom_bytes(&self) -> u64 {
        Self::METADATA_BYTES_MAX.saturating_sub(self.metadata_bytes_max())
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
        self.bit_of(offset).is_some_and(|bit| !self.bits.is_set(bit))
    }

    /// Whether this offset, if it has not come yet, is [`Received::Finished`].
    #[inline]
    pub(crate) fn was_finished_before(&self, offset: i64) -> bool {
        if self.resumed.is_empty() {
            return false;
        }
        let index = self.resumed.partition_point(|range| range.end <= offset);
        self.resumed.get(index).is_some_and(|range| range.start <= offset)
    }

    /// The bit of an offset that is not below the head.
    #[inline]
    fn bit_of(&self, offset: i64) -> Option<u64> {
        let (segment, end) = self.segment_of(offset)?;
        let bit = segment.bit.checked_add(offset.abs_diff(segment.offset))?;
        (bit >= self.head && bit < end).then_some(bit)
    }

    /// The last segment that begins at `offset` or below, and the bit at which it ends.
    #[inline]
    fn segment_of(&self, offset: i64) -> Option<(Segment, u64)> {
        // Mostly there is one.
        let last = *self.segments.back()?;
        if last.offset <= offset {
            return Some((last, self.bits.end()));
        }
        if self.segments.len() == 1 {
            return None;
        }
        let after = self.segments.partition_point(|segment| segment.offset <= offset);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let last = self.bits.end();
        Some((*segment, self.segments.get(after).map_or(last, |next| next.bit)))
    }

    /// So many are unfinished from `first` on, up to the position.
    #[inline]
    fn append(&mut self, first: i64, count: u64) {
        if first != self.next {
            self.pass_gap(first);
        }
        self.bits.push_unset(count);
        self.next = self.position;
        self.unfinished += count;
        self.age(self.position - 1);
        self.compact_if_large();
    }

    /// Before `offset` some never came: they are finished bits, unless they are too many.
    fn pass_gap(&mut self, offset: i64) {
        let gap = (!self.segments.is_empty()).then(|| offset.abs_diff(self.next));
        match gap {
            Some(gap) if gap <= GAP_BITS_MAX => self.bits.push_set(gap),
            _ => self.segments.push_back(Segment { offset, bit: self.bits.end() }),
        }
    }

    /// With `offset` the youngest, others grow old.
    #[inline]
    fn age(&mut self, offset: i64) {
        let youngest = offset.saturating_add(1).saturating_sub_unsigned(encoding::WINDOW);
        let Some((segment, end)) = self.segment_of(youngest) else {
            return;
        };
        let young = segment.bit.saturating_add(youngest.abs_diff(segment.offset)).min(end);
        if young > self.young {
            self.old_unfinished += self.bits.count_unset(self.young.max(self.head), young);
            self.young = young;
        }
    }

    /// Moves the head to the next unfinished bit, which there is, and drops what lies below.
    fn advance_head(&mut self) {
        self.head = self.bits.next_unset(self.head);
        self.bits.forget_below(self.head);
        while self.segments.get(1).is_some_and(|second| second.bit <= self.head) {
            self.segments.pop_front();
        }
    }

    fn forget_all(&mut self) {
        self.segments.clear();
        self.bits.clear();
        self.next = i64::MAX;
        self.head = 0;
        self.young = 0;
        self.compact_at = compacting::WORDS_MIN;
        self.forget_resumed(self.position);
    }

    /// Drops what was finished before and lies below `offset`.
    #[inline]
    fn forget_resumed(&mut self, offset: i64) {
        while self.resumed.front().is_some_and(|range| range.end <= offset) {
            self.resumed.pop_front();
        }
    }
}

impl Segment {
    const fn offset_of(&self, bit: u64) -> i64 {
        self.offset.saturating_add_unsigned(bit - self.bit)
    }
}
