//! What is finished beyond a watermark, as the text that a commit carries beside its offset. Pure.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Tells payflow's metadata from that of others.
const PREFIX: &str = "payflow.";
const VERSION: u8 = 1;
/// The youngest offsets may have a bit each: whatever finishes next among them, it costs no more.
pub(super) const WINDOW: u64 = 16_384;
/// Of each old unfinished offset: a run of its own and the run behind it, of less than 2³⁵ offsets.
pub(super) const OLD_BYTES: u64 = 6;
/// What Kafka takes by default: `offset.metadata.max.bytes`.
const TEXT_MAX: usize = 4_096;
/// So many bytes are at most `TEXT_MAX` characters behind the prefix.
const BYTES_MAX: usize = (TEXT_MAX - PREFIX.len()) / 4 * 3;
/// Version and checksum.
const HEAD_BYTES: usize = 1 + size_of::<u32>();

/// The offsets beyond a watermark that are finished.
///
/// As text it is at most 4,096 characters of ASCII: `payflow.`, then base64url of a version byte, a checksum over the
/// watermark and what follows, the number and lengths of runs that are unfinished and finished in turn, and, where that is
/// shorter, a bit for each of the youngest 16,384 offsets instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedBeyond {
    /// Rising, and apart from each other.
    ranges: Vec<Range<i64>>,
}

/// What a commit carries beside its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct CommitMetadata {
    /// Empty if nothing is finished beyond the watermark.
    pub text: String,
    /// Offsets that are finished and found no room: they are handled again after a restart.
    pub left_out: u64,
}

/// Why a metadata text tells nothing of what is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMetadata {
    /// Another program wrote it.
    #[error("was not written by payflow")]
    Foreign,
    /// A later payflow wrote it.
    #[error("is of version {0}, which this payflow does not know")]
    Version(u8),
    /// A part of it is missing or changed, or it was written for another offset.
    #[error("is damaged, or belongs to another offset")]
    Damaged,
}

impl FinishedBeyond {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The offsets, in rising ranges that do not touch.
    #[must_use]
    pub fn ranges(&self) -> &[Range<i64>] {
        &self.ranges
    }

    /// What a commit of `watermark` carries. What finds no room is left out, from the far end, offset by offset.
    pub fn encode(&self, watermark: i64) -> CommitMetadata {
        let below = self.ranges.partition_point(|range| range.end <= watermark);
        let beyond = &self.ranges[below..];
        let encoded = |ranges: usize| body(&beyond[..ranges], watermark, WINDOW);
        let fits = |body: &[u8]| HEAD_BYTES + body.len() <= BYTES_MAX;
        let (mut kept, mut body) = (beyond.len(), encoded(beyond.len()));
        if !fits(&body) {
            // More ranges are never fewer bytes.
            let (mut least, mut most) = (0, kept);
            while most - least > 1 {
                let middle = least + (most - least) / 2;
                if fits(&encoded(middle)) { least = middle } else { most = middle }
            }
            (kept, body) = (least, encoded(least));
        }
        let mut left_out = beyond[kept..].iter().map(|range| range.end.abs_diff(range.start)).sum();
        // A range may reach over a wide gap: what lies before that is not to go with it.
        if let Some(next) = beyond.get(kept) {
            let cut_at = |end: i64| {
                let mut ranges = beyond[..kept].to_vec();
                ranges.push(next.start..end);
                self::body(&ranges, watermark, WINDOW)
            };
            let (mut least, mut most) = (next.start, next.end);
            while most.abs_diff(least) > 1 {
                let middle = least.midpoint(most);
                if fits(&cut_at(middle)) { least = middle } else { most = middle }
            }
            if least > next.start {
                left_out -= least.abs_diff(next.start);
                (kept, body) = (kept + 1, cut_at(least));
            }
        }
        if kept == 0 {
            return CommitMetadata { text: String::new(), left_out };
        }
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        bytes.push(VERSION);
        bytes.extend(checksum(watermark, &body).to_le_bytes());
        bytes.append(&mut body);
        let mut text = PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        CommitMetadata { text, left_out }
    }

    /// Reads what a commit of `watermark` carried; an empty text is nothing.
    ///
    /// # Errors
    /// It was not written by payflow, or by a later one, or is damaged. Then nothing is known, and all from the watermark on
    /// is handled again. The error does not repeat the text.
    pub fn decode(watermark: i64, text: &str) -> Result<Self, InvalidMetadata> {
        if text.is_empty() {
            return Ok(Self::none());
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidMetadata::Foreign)?;
        if text.len() > TEXT_MAX {
            return Err(InvalidMetadata::Damaged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidMetadata::Damaged)?;
        let (version, rest) = bytes.split_first().ok_or(InvalidMetadata::Damaged)?;
        if *version != VERSION {
            return Err(InvalidMetadata::Version(*version));
        }
        let (told, body) = rest.split_first_chunk().ok_or(InvalidMetadata::Damaged)?;
        if *told != checksum(watermark, body).to_le_bytes() {
            return Err(InvalidMetadata::Damaged);
        }
        read(body, watermark).ok_or(InvalidMetadata::Damaged)
    }

    /// Adds what lies behind all that is there.
    pub(super) fn push(&mut self, range: Range<i64>) {
        if range.is_empty() {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => self.ranges.push(range),
        }
    }

    pub(super) fn into_ranges(self) -> Vec<Range<i64>> {
        self.ranges
    }
}

/// Runs alone or, if that is shorter, runs and bits.
fn body(ranges: &[Range<i64>], watermark: i64, window: u64) -> Vec<u8> {
    let runs = runs_and_bits(ranges, watermark, 0);
    let end = ranges.last().map_or(watermark, |last| last.end);
    let bits = end.abs_diff(watermark).min(window);
    if runs.len() as u64 <= bits / 8 {
        return runs;
    }
    let both = runs_and_bits(ranges, watermark, window);
    if both.len() < runs.len() { both } else { runs }
}

/// The number of runs, the runs up to the last `window` offsets, and a bit for each of those.
fn runs_and_bits(ranges: &[Range<i64>], watermark: i64, window: u64) -> Vec<u8> {
    let end = ranges.last().map_or(watermark, |last| last.end);
    let split = end.saturating_sub_unsigned(window).max(watermark);

    let (mut runs, mut count, mut at) = (Vec::new(), 0, watermark);
    for range in ranges.iter().take_while(|range| range.start < split) {
        let until = range.end.min(split);
        let from = range.start.max(at);
        put(&mut runs, from.abs_diff(at));
        put(&mut runs, until.abs_diff(from));
        count += 2;
        at = until;
    }
    if at < split {
        put(&mut runs, split.abs_diff(at));
        count += 1;
    }

    // At most as many as the window has.
    let bits = usize::try_from(end.abs_diff(split)).unwrap_or(0);
    let mut body = Vec::with_capacity(10 + runs.len() + bits / 8);
    put(&mut body, count);
    body.append(&mut runs);
    let first_bit = body.len();
    body.resize(first_bit + bits.div_ceil(8), 0);
    for range in ranges.iter().rev().take_while(|range| range.end > split) {
        for offset in range.start.max(split)..range.end {
            let bit = offset.abs_diff(split);
            if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|byte| body.get_mut(first_bit + byte))
            {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    body
}

fn read(mut body: &[u8], watermark: i64) -> Option<FinishedBeyond> {
    let mut finished = FinishedBeyond::none();
    let count = take(&mut body)?;
    let mut at = watermark;
    for run in 0..count {
        let until = at.checked_add_unsigned(take(&mut body)?)?;
        if run % 2 == 1 {
            finished.push(at..until);
        }
        at = until;
    }
    for (byte, first) in body.iter().zip((0_u64..).step_by(8)) {
        for bit in (0..8).filter(|bit| byte & (1 << bit) != 0) {
            let offset = at.checked_add_unsigned(first + bit)?;
            finished.push(offset..offset.checked_add(1)?);
        }
    }
    Some(finished)
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The cut keeps the lowest seven bits, which are meant.
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // What would be shifted out at the top is no number.
        if (part << shift) >> shift != part {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// FNV-1a of 32 bits: it is to notice damage, not an enemy. With the watermark in it, a text that was copied to another
/// offset, as a mirror of the group does, says nothing rather than something wrong.
fn checksum(watermark: i64, body: &[u8]) -> u32 {
    let bytes = watermark.to_le_bytes();
    bytes
        .iter()
        .chain(body)
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests;
