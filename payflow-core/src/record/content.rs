//! What a record holds.

use std::fmt;
use std::slice::SliceIndex;

use bytes::Bytes;

use super::{Headers, HeadersRef, Record, Topic};

/// Key, value and headers of a record, one behind another in one piece of memory: one count holds all of it.
///
/// Cheap to clone: bytes are shared. `Debug` shows sizes only: keys and values are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    memory: Bytes,
    key: Part,
    value: Part,
}

impl Content {
    /// Neither key nor value nor headers.
    pub const EMPTY: Self =
        Self { memory: Bytes::new(), key: Part::new(false, 0), value: Part::new(false, 0) };

    /// Copies them.
    #[must_use]
    pub fn new(key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> Self {
        let parts = [key.unwrap_or_default(), value.unwrap_or_default(), headers.packed()];
        Self::slice(parts.concat().into(), key.map(<[u8]>::len), value.map(<[u8]>::len))
    }

    /// For adapters: `memory` begins with a key of that length, where there is one, goes on with the value, and ends with
    /// [packed](Headers::pack) headers. It may be a slice of a larger buffer, which stays in memory as long as it does. What
    /// would lie behind its end is missing.
    #[inline]
    #[must_use]
    pub fn slice(memory: Bytes, key: Option<usize>, value: Option<usize>) -> Self {
        let key_end = key.unwrap_or(0).min(memory.len());
        let value_end = key_end + value.unwrap_or(0).min(memory.len() - key_end);
        Self {
            key: Part::new(key.is_some(), key_end),
            value: Part::new(value.is_some(), value_end),
            // An empty slice would keep its buffer alive.
            memory: if memory.is_empty() { Bytes::new() } else { memory },
        }
    }

    /// The record's key.
    #[inline]
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.key.is_present().then(|| self.bytes(..self.key.end()))
    }

    /// The record's value; `None` is a tombstone.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.value.is_present().then(|| self.bytes(self.key.end()..self.value.end()))
    }

    /// The record's headers.
    #[inline]
    #[must_use]
    pub fn headers(&self) -> HeadersRef<'_> {
        HeadersRef::of(self.bytes(self.value.end()..))
    }

    /// The memory that it takes, in bytes: key, value and packed headers.
    #[inline]
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.memory.len()
    }

    /// The same key, value and headers as a record of their own, which shares the memory of key and value.
    #[must_use]
    pub fn to_record(&self, topic: Topic) -> Record {
        let share = |part: &[u8]| self.memory.slice_ref(part);
        Record {
            topic,
            key: self.key().map(share),
            value: self.value().map(share),
            headers: self.headers().to_owned(),
            timestamp: None,
        }
    }

    /// Copies it into memory of its own. A transport may hand over slices of a larger buffer, all of which stays in memory
    /// as long as one slice does.
    pub(crate) fn copy_out(&mut self) {
        self.memory = Bytes::copy_from_slice(&self.memory);
    }

    /// A range that ends in the memory: no other is ever asked for.
    #[inline]
    fn bytes(&self, range: impl SliceIndex<[u8], Output = [u8]>) -> &[u8] {
        self.memory.get(range).unwrap_or_default()
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl From<&Record> for Content {
    fn from(record: &Record) -> Self {
        Self::new(record.key.as_deref(), record.value.as_deref(), &record.headers)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("key_bytes", &self.key().map(<[u8]>::len))
            .field("value_bytes", &self.value().map(<[u8]>::len))
            .field("headers", &self.headers())
            .finish()
    }
}

/// Where key or value end, and whether there is one: half of a `usize` is enough for any memory.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part(usize);

impl Part {
    #[inline]
    const fn new(is_present: bool, end: usize) -> Self {
        Self(end << 1 | is_present as usize)
    }

    #[inline]
    const fn is_present(self) -> bool {
        self.0 & 1 == 1
    }

    #[inline]
    const fn end(self) -> usize {
        self.0 >> 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Header;

    fn topic() -> Topic {
        Topic::parse("t").unwrap()
    }

    proptest! {
        #[test]
        fn it_holds_what_a_record_does(
            key: Option<Vec<u8>>,
            value: Option<Vec<u8>>,
            headers in prop::collection::vec(("[a-z]{0,3}", any::<Option<Vec<u8>>>()), 0..4),
        ) {
            let headers: Headers =
                headers.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect();
            let record = Record { key: key.clone().map(Bytes::from), value: value.clone().map(Bytes::from), ..Record::new(topic(), "") }
                .with_headers(headers);
            let mut content = Content::from(&record);
            prop_assert_eq!((content.key(), content.value()), (key.as_deref(), value.as_deref()));
            prop_assert_eq!(content.headers(), record.headers.view());
            prop_assert_eq!(content.to_record(topic()), record);

            let clone = content.clone();
            content.copy_out();
            prop_assert_eq!(content, clone);
        }

        #[test]
        fn lengths_beyond_the_memory_are_cut(memory: Vec<u8>, key: Option<usize>, value: Option<usize>) {
            let content = Content::slice(memory.clone().into(), key, value);
            prop_assert_eq!((content.key().is_some(), content.value().is_some()), (key.is_some(), value.is_some()));
            let parts = content.key().map_or(0, <[u8]>::len) + content.value().map_or(0, <[u8]>::len);
            prop_assert!(parts <= memory.len() && content.held_bytes() == memory.len());
            let _ = format!("{content:?}");
        }
    }

    #[test]
    fn an_absent_part_is_not_an_empty_one() {
        let of = |key: Option<&[u8]>, value: Option<&[u8]>| Content::new(key, value, &Headers::new());
        let empty = Some(&b""[..]);
        for (key, value) in [(None, None), (None, empty), (empty, None), (empty, empty)] {
            let content = of(key, value);
            assert_eq!((content.key(), content.value(), content.held_bytes()), (key, value, 0));
        }
        assert_ne!(of(None, empty), of(empty, None));
        assert_eq!(of(None, None), Content::EMPTY);
    }

    #[test]
    fn a_slice_lets_go_of_its_buffer_when_it_is_copied_out_and_an_empty_one_holds_none() {
        let buffer = Bytes::from(b"before key value behind".to_vec());
        let mut content = Content::slice(buffer.slice(7..16), Some(3), Some(6));
        assert_eq!((content.key(), content.value()), (Some(&b"key"[..]), Some(&b" value"[..])));
        let empty = Content::slice(buffer.slice(7..7), Some(0), None);
        assert!(!buffer.is_unique());
        content.copy_out();
        assert!(buffer.is_unique());
        assert_eq!((empty.key(), content.held_bytes()), (Some(&b""[..]), 9));
    }
}
