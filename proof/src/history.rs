//! What happened, as others saw it.

use std::fmt;
use std::time::Duration;

use crate::check;
use crate::event::Event;
use crate::verdict::Verdict;

/// Everything that is known of a run: of one topic, and of one group that handles it.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What clients were told, in any order. Empty where the records were written past the front door.
    pub answers: Vec<Answer>,
    /// What the topic holds, in any order.
    pub written: Vec<Written>,
    /// What became of handlers and processes, in the order in which it happened. Empty where nothing was handled.
    pub events: Vec<Event>,
    /// What was set aside, in the order of the dead letters.
    pub dead: Vec<DeadLetter>,
    /// Whether notifications are among the events: then one goes out of each record that is handled.
    pub notifies: bool,
}

impl History {
    /// Compares what happened with what is promised.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict { records: self.written.len(), ..Verdict::default() };
        check::answers(self, &mut verdict);
        check::dead_letters(self, &mut verdict);
        check::handling(self, &mut verdict);
        verdict
    }
}

/// Where a record stands on the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The partition.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

/// A record on the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it stands.
    pub place: Place,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The payment id in its headers, if it bears one.
    pub payment: Option<String>,
    /// The mark of the request that it came from, if one asked for it.
    pub mark: Option<String>,
    /// When it was written, as it says itself, on the clock of the events.
    pub at: Duration,
}

/// A request to the front door, and what its client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What tells this request from all others, and is found again in the record: chosen by the client, never by payflow.
    pub mark: String,
    /// The payer.
    pub key: Vec<u8>,
    /// What the client was told.
    pub told: Told,
    /// When the request began, on any clock that all answers share.
    pub sent_at: Duration,
    /// When the answer was there.
    pub answered_at: Duration,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is durable: on the topic exactly once, under this id. HTTP 202.
    Accepted {
        /// The payment id.
        payment: String,
    },
    /// It may have been taken: on the topic at most once, under this id. HTTP 504.
    Unknown {
        /// The payment id, where it was told.
        payment: Option<String>,
    },
    /// It was surely not taken: never on the topic. HTTP 503.
    Refused,
}

/// A record that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the original stands, as the dead letter says.
    pub source: Place,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
}
