//! One handing-over of a record.

use std::fmt;

use jiff::Timestamp;

use crate::record::{Content, HeadersRef, Topic};

/// Names one delivery to the consumer that made it: an assigned partition, its generation, a place in it.
///
/// Opaque to all but that consumer, and meaningless to any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AckToken {
    slot: u32,
    generation: u32,
    sequence: i64,
}

impl AckToken {
    /// For adapters: `slot` numbers the partitions a consumer holds, densely from 0; `generation` rises each time one
    /// is assigned anew; `sequence` tells the deliveries of one generation apart (a log takes the offset).
    #[must_use]
    pub const fn new(slot: u32, generation: u32, sequence: i64) -> Self {
        Self { slot, generation, sequence }
    }

    /// Which of the consumer's partitions.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.slot
    }

    /// Which assignment of it.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// Whether both are of one assignment of one partition.
    #[inline]
    #[must_use]
    pub const fn is_of_same_assignment(self, other: Self) -> bool {
        self.slot == other.slot && self.generation == other.generation
    }

    /// Which delivery of that assignment.
    #[must_use]
    pub const fn sequence(self) -> i64 {
        self.sequence
    }
}

/// A record as it was handed over, with the token that must come back for it. Cheap to clone: bytes are shared.
///
/// `Debug` shows where it stands and how large it is, never what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Comes back once, by [`Consumer::acknowledge`](crate::Consumer::acknowledge).
    pub token: AckToken,
    /// Where the record stands.
    pub topic: Topic,
    /// The partition of the topic.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// The record's time, milliseconds since the Unix epoch, if it has one.
    pub timestamp_ms: Option<i64>,
    /// The record's key, value and headers.
    pub content: Content,
}

impl Delivery {
    /// The record's key.
    #[inline]
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.content.key()
    }

    /// The record's value; `None` is a tombstone.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.content.value()
    }

    /// The record's headers.
    #[inline]
    #[must_use]
    pub fn headers(&self) -> HeadersRef<'_> {
        self.content.headers()
    }

    /// What it counts against a bound in bytes: the memory that its content takes.
    #[inline]
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.content.held_bytes()
    }

    /// The record's time, if it has one that can be told.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({}/{}@{}, {} bytes)", self.topic, self.partition, self.offset, self.size_bytes())
    }
}
