//! Copies records out of librdkafka's memory: many small ones into one buffer, which counts as long as it is alive.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use payflow_core::{Assignment, Content, Deliveries, Headers};

use super::waker::Waker;
use crate::native::Read;

/// The size of a buffer. A record that does not fit has one of its own.
const CHUNK_BYTES: usize = 64 << 10;
/// A buffer is closed before keys and values pass this; the rest is for headers.
const FULL_BYTES: usize = CHUNK_BYTES - (4 << 10);

/// Records that were copied, on their way to be deliveries.
#[derive(Debug)]
pub(super) struct Copier {
    bytes: Vec<u8>,
    records: Vec<Copied>,
    /// The partitions that `records` are of, each with how many of them follow one another.
    runs: Vec<(Assignment, usize)>,
    copied_bytes: usize,
    budget: Arc<Budget>,
}

/// How long a record's parts are: key, value and headers lie behind one another in the buffer, as the records do.
#[derive(Debug)]
struct Copied {
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<usize>,
    value: Option<usize>,
    /// All of it.
    length: usize,
}

impl Copier {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        let bytes = Vec::with_capacity(CHUNK_BYTES);
        Self { bytes, records: Vec::new(), runs: Vec::new(), copied_bytes: 0, budget }
    }

    /// Copies a record of a partition. What was copied before becomes deliveries once the buffer is full.
    pub(super) fn copy(&mut self, message: &Read<'_>, partition: &Assignment, into: &mut Deliveries) {
        let (key, value) = (message.key(), message.value());
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        if self.bytes.len() + length(key) + length(value) > FULL_BYTES {
            self.seal(into);
        }
        match self.runs.last_mut() {
            Some((last, count)) if (last.slot, last.generation) == (partition.slot, partition.generation) => {
                *count += 1;
            }
            _ => self.runs.push((partition.clone(), 1)),
        }
        let from = self.bytes.len();
        self.bytes.extend_from_slice(key.unwrap_or_default());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        message.headers(|name, value| Headers::pack(&mut self.bytes, name, value));
        let length = self.bytes.len() - from;
        self.copied_bytes += length;
        self.records.push(Copied {
            offset: message.offset(),
            timestamp_ms: message.timestamp_ms(),
            key: key.map(<[u8]>::len),
            value: value.map(<[u8]>::len),
            length,
        });
    }

    /// How many bytes were copied since this was last asked.
    pub(super) fn take_copied_bytes(&mut self) -> usize {
        mem::take(&mut self.copied_bytes)
    }

    /// Makes deliveries of all that was copied.
    pub(super) fn seal(&mut self, into: &mut Deliveries) {
        if self.records.is_empty() {
            return;
        }
        let chunk = self.budget.chunk(&mut self.bytes);
        let mut from = 0;
        let mut records = self.records.drain(..);
        for (partition, count) in self.runs.drain(..) {
            for Copied { offset, timestamp_ms, key, value, length } in records.by_ref().take(count) {
                let content = Content::slice(chunk.slice(from..from + length), key, value);
                into.push_record(&partition, offset, timestamp_ms, content);
                from += length;
            }
        }
    }
}

/// Counts the buffers that are alive: whoever holds a slice of one holds all of it.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    max: usize,
    /// The poll thread waits for room.
    waiting: AtomicBool,
    waker: Arc<Waker>,
}

impl Budget {
    pub(super) fn new(max: usize, waker: Arc<Waker>) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), max, waiting: AtomicBool::new(false), waker })
    }

    /// What is left; if nothing, the poll thread is woken once there is.
    pub(super) fn left(&self) -> usize {
        let left = || self.max.saturating_sub(self.used.load(Ordering::SeqCst));
        match left() {
            0 => {
                self.waiting.store(true, Ordering::SeqCst);
                // What was given back in between has seen no one waiting.
                left()
            }
            left => left,
        }
    }

    /// Empties `bytes`, which has room for as many again.
    fn chunk(self: &Arc<Self>, bytes: &mut Vec<u8>) -> Bytes {
        let is_full = (CHUNK_BYTES - CHUNK_BYTES / 4..=CHUNK_BYTES).contains(&bytes.len())
            && bytes.capacity() == CHUNK_BYTES;
        let whole = if is_full {
            mem::replace(bytes, Vec::with_capacity(CHUNK_BYTES))
        } else {
            // Counted, and kept, is what is needed.
            let needed = bytes.as_slice().into();
            if bytes.capacity() > 2 * CHUNK_BYTES {
                *bytes = Vec::with_capacity(CHUNK_BYTES);
            }
            bytes.clear();
            needed
        };
        self.used.fetch_add(whole.capacity(), Ordering::SeqCst);
        Bytes::from_owner(Chunk { bytes: whole, budget: Arc::clone(self) })
    }

    fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::SeqCst);
        if before - bytes < self.max && self.waiting.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

struct Chunk {
    bytes: Vec<u8>,
    budget: Arc<Budget>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.budget.give_back(mem::take(&mut self.bytes).capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_counts_until_its_last_slice_is_gone() {
        let budget = Budget::new(10, Arc::new(Waker::new()));
        let chunk = budget.chunk(&mut b"0123456789".to_vec());
        let slice = chunk.slice(2..3);
        drop(chunk);
        assert_eq!(budget.left(), 0);
        assert!(budget.waiting.load(Ordering::SeqCst));
        drop(slice);
        assert_eq!(budget.left(), 10);
        assert!(!budget.waiting.load(Ordering::SeqCst));
    }

    #[test]
    fn a_full_buffer_goes_as_it_is_and_another_is_copied_to_what_it_takes() {
        let budget = Budget::new(1 << 20, Arc::new(Waker::new()));
        for (length, counted) in [(1, 1), (FULL_BYTES, CHUNK_BYTES), (CHUNK_BYTES + 1, CHUNK_BYTES + 1)] {
            let mut bytes = Vec::with_capacity(CHUNK_BYTES);
            bytes.resize(length, 7);
            let place = bytes.as_ptr();
            let chunk = budget.chunk(&mut bytes);
            assert_eq!((chunk.len(), budget.left()), (length, (1 << 20) - counted));
            assert_eq!(chunk.as_ptr() == place, length == FULL_BYTES);
            assert!(bytes.is_empty() && bytes.capacity() >= CHUNK_BYTES);
            drop(chunk);
            assert_eq!(budget.left(), 1 << 20);
        }
    }
}
