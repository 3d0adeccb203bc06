//! Copies records out of librdkafka's memory: many small ones into one buffer, which counts as long as it is alive.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use payflow_core::{AckToken, Delivery, Headers, Topic};

use super::waker::Waker;
use crate::native::Read;

/// A buffer that holds so much is closed. A larger record has one of its own.
const CHUNK_BYTES: usize = 64 << 10;

/// Records that were copied, on their way to be deliveries.
#[derive(Debug)]
pub(super) struct Copier {
    bytes: Vec<u8>,
    records: Vec<Copied>,
    budget: Arc<Budget>,
}

/// Where a record's parts lie in the buffer.
#[derive(Debug)]
struct Copied {
    token: AckToken,
    topic: Topic,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Span>,
    value: Option<Span>,
    headers: Span,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

impl Copier {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { bytes: Vec::with_capacity(CHUNK_BYTES), records: Vec::new(), budget }
    }

    /// Copies a record. What was copied before becomes deliveries once the buffer is full.
    pub(super) fn copy(
        &mut self,
        message: &Read<'_>,
        token: AckToken,
        topic: &Topic,
        into: &mut Vec<Delivery>,
    ) {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        if self.bytes.len() + length(message.key()) + length(message.value()) > CHUNK_BYTES {
            self.seal(into);
        }
        let key = message.key().map(|key| append(&mut self.bytes, key));
        let value = message.value().map(|value| append(&mut self.bytes, value));
        let headers = self.bytes.len();
        message.headers(|name, value| Headers::pack(&mut self.bytes, name, value));
        self.records.push(Copied {
            token,
            topic: topic.clone(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp_ms(),
            key,
            value,
            headers: Span { from: headers, to: self.bytes.len() },
        });
        if self.bytes.len() >= CHUNK_BYTES {
            self.seal(into);
        }
    }

    /// Makes deliveries of all that was copied.
    pub(super) fn seal(&mut self, into: &mut Vec<Delivery>) {
        if self.records.is_empty() {
            return;
        }
        let chunk = self.budget.chunk(&self.bytes);
        let slice = |span: Span| {
            // Without this an empty key would keep the buffer alive.
            if span.is_empty() { Bytes::new() } else { chunk.slice(span.from..span.to) }
        };
        into.extend(self.records.drain(..).map(|copied| Delivery {
            token: copied.token,
            topic: copied.topic,
            partition: copied.partition,
            offset: copied.offset,
            timestamp_ms: copied.timestamp_ms,
            key: copied.key.map(slice),
            value: copied.value.map(slice),
            headers: if copied.headers.is_empty() {
                Headers::new()
            } else {
                Headers::packed(slice(copied.headers))
            },
        }));
        if self.bytes.capacity() > 2 * CHUNK_BYTES {
            self.bytes = Vec::with_capacity(CHUNK_BYTES);
        }
        self.bytes.clear();
    }
}

impl Span {
    const fn is_empty(self) -> bool {
        self.from == self.to
    }
}

fn append(bytes: &mut Vec<u8>, part: &[u8]) -> Span {
    let from = bytes.len();
    bytes.extend_from_slice(part);
    Span { from, to: bytes.len() }
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

    fn chunk(self: &Arc<Self>, bytes: &[u8]) -> Bytes {
        self.used.fetch_add(bytes.len(), Ordering::SeqCst);
        Bytes::from_owner(Chunk { bytes: bytes.into(), budget: Arc::clone(self) })
    }

    fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::SeqCst);
        if before - bytes < self.max && self.waiting.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

struct Chunk {
    bytes: Box<[u8]>,
    budget: Arc<Budget>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.budget.give_back(mem::take(&mut self.bytes).len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_counts_until_its_last_slice_is_gone() {
        let budget = Budget::new(10, Arc::new(Waker::new()));
        let chunk = budget.chunk(b"0123456789");
        let slice = chunk.slice(2..3);
        drop(chunk);
        assert_eq!(budget.left(), 0);
        assert!(budget.waiting.load(Ordering::SeqCst));
        drop(slice);
        assert_eq!(budget.left(), 10);
        assert!(!budget.waiting.load(Ordering::SeqCst));
    }
}
