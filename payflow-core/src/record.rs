//! What transports carry: bytes with a key and headers, bound for a topic.

mod content;
mod headers;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

pub use content::Content;
pub use headers::{Header, HeaderName, Headers, HeadersIter, HeadersRef};

/// The name of a topic: 1 to 249 characters of `[A-Za-z0-9._-]`, as Kafka has it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Reads a topic's name.
    ///
    /// # Errors
    /// Empty, longer than 249 characters, with another character, or one of the path names `.` and `..`.
    pub fn parse(name: &str) -> Result<Self, InvalidTopic> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let legal =
            (1..=249).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != "..";
        if legal { Ok(Self(name.into())) } else { Err(InvalidTopic) }
    }

    /// Whether it is a clone of `other`, or `other` of it: never for names that were read apart.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
    }
}

/// A text is no topic name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a topic name: 1 to 249 letters, digits, '.', '_' or '-'")]
pub struct InvalidTopic;

/// Bytes on their way to a topic.
///
/// `Debug` shows sizes only: keys and values are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it goes.
    pub topic: Topic,
    /// Decides partition and order; records with equal keys keep their order. `None`: any partition.
    pub key: Option<Bytes>,
    /// The payload. `None` is a tombstone, which is not the same as empty.
    pub value: Option<Bytes>,
    /// What travels beside the payload.
    pub headers: Headers,
    /// When it came to be, to the millisecond; `None` lets the transport choose.
    pub timestamp: Option<Timestamp>,
}

impl Record {
    /// A record with a value, and nothing else yet.
    #[must_use]
    pub fn new(topic: Topic, value: impl Into<Bytes>) -> Self {
        Self { topic, key: None, value: Some(value.into()), headers: Headers::new(), timestamp: None }
    }

    /// The same record under a key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same record with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("topic", &self.topic)
            .field("key_bytes", &self.key.as_ref().map(Bytes::len))
            .field("value_bytes", &self.value.as_ref().map(Bytes::len))
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// The transport's proof that a record is durable: where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Receipt {
    /// The partition it was appended to.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

impl Receipt {
    /// For adapters: the record stands at `offset` of `partition`.
    pub const fn new(partition: i32, offset: i64) -> Self {
        Self { partition, offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_named_as_kafka_names_them() {
        for refused in ["", ".", "..", "a b", "é", "a/b", &"x".repeat(250)] {
            assert_eq!(Topic::parse(refused), Err(InvalidTopic), "{refused}");
        }
        assert_eq!(
            Topic::parse("payment-topic.dead_letters").unwrap().as_str(),
            "payment-topic.dead_letters"
        );
    }

    #[test]
    fn debug_shows_no_payload() {
        let record = Record::new(Topic::parse("t").unwrap(), "secret").with_key("u001");
        let shown = format!("{record:?}");
        assert!(!shown.contains("secret") && !shown.contains("u001"), "{shown}");
    }
}
