//! What the headers of a dead letter say, and the record that goes back to its topic.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use crate::consumer::Delivery;
use crate::error::Fault;
use crate::handler::foreign_id;
use crate::pipeline::DeadLetters;
use crate::record::{HeaderName, Record, Topic};

/// All headers of provenance begin so, those of a later payflow included.
const PROVENANCE: &str = "payflow-dead-letter-";

/// A record of a dead-letter topic, as its headers tell it: where it came from and why it was set aside.
///
/// `Debug` shows neither key nor reason, which may hold personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The topic that the record came from.
    pub topic: Topic,
    /// The partition that it came from.
    pub partition: i32,
    /// The offset that it had there.
    pub offset: i64,
    /// The time that the record had, milliseconds since the Unix epoch, if it had one.
    pub timestamp_ms: Option<i64>,
    /// When it was set aside: the dead letter's own time.
    pub set_aside_at: Option<Timestamp>,
    /// The fault that it was set aside with.
    pub fault: Fault,
    /// What failed, such as `handler` or `decode`.
    pub stage: String,
    /// The error of the last attempt.
    pub reason: String,
    /// How many attempts were made before it was set aside.
    pub attempts: u32,
    /// How often it was sent back before.
    pub redrives: u32,
    /// The record's key.
    pub key: Option<Bytes>,
}

/// A record on a dead-letter topic is no dead letter of payflow's: a header is missing, or says nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("header {header} is missing or makes no sense")]
pub struct InvalidDeadLetter {
    header: &'static str,
}

impl InvalidDeadLetter {
    /// The first header that is wrong.
    #[must_use]
    pub const fn header(&self) -> &'static str {
        self.header
    }
}

impl DeadLetter {
    /// How often a record was sent back by a [`Redrive`](crate::Redrive): a header of the record that goes back, which
    /// comes again with the dead letter if it fails again.
    pub const REDRIVES: &'static str = "payflow-redrives";

    /// Reads what a record of a dead-letter topic says of itself.
    ///
    /// # Errors
    /// It was written by another program, or changed: the error names the first header that is wrong.
    pub fn read(delivery: &Delivery) -> Result<Self, InvalidDeadLetter> {
        let text = |header| delivery.headers().text(header).ok_or(InvalidDeadLetter { header });
        let topic = DeadLetters::TOPIC;
        let fault = DeadLetters::FAULT;
        let timestamp = DeadLetters::TIMESTAMP;
        Ok(Self {
            topic: Topic::parse(text(topic)?).map_err(|_| InvalidDeadLetter { header: topic })?,
            partition: number(DeadLetters::PARTITION, text(DeadLetters::PARTITION)?, |number| *number >= 0)?,
            offset: number(DeadLetters::OFFSET, text(DeadLetters::OFFSET)?, |number| *number >= 0)?,
            timestamp_ms: match delivery.headers().get(timestamp) {
                None => None,
                Some(_) => Some(number(timestamp, text(timestamp)?, |_: &i64| true)?),
            },
            set_aside_at: delivery.timestamp(),
            fault: fault_of(text(fault)?).ok_or(InvalidDeadLetter { header: fault })?,
            stage: text(DeadLetters::STAGE)?.to_owned(),
            reason: text(DeadLetters::REASON)?.to_owned(),
            attempts: number(DeadLetters::ATTEMPTS, text(DeadLetters::ATTEMPTS)?, |_| true)?,
            redrives: match delivery.headers().get(Self::REDRIVES) {
                None => 0,
                Some(_) => number(Self::REDRIVES, text(Self::REDRIVES)?, |_| true)?,
            },
            key: delivery.key().map(Bytes::copy_from_slice),
        })
    }

    /// The record that goes back to `topic`: key, value and headers as they first were, with the payment's id and one
    /// redrive more.
    ///
    /// It bears no time: with its first one it could be older than what the topic keeps.
    pub(super) fn into_record(self, delivery: &Delivery, topic: Topic) -> Record {
        let mut record = delivery.content.to_record(topic);
        let headers = &mut record.headers;
        if headers.get(HeaderName::PAYMENT_ID).is_none() {
            // Whoever set it aside left the id out: it is that of the record where it first stood.
            let first = Delivery {
                topic: self.topic,
                partition: self.partition,
                offset: self.offset,
                timestamp_ms: self.timestamp_ms,
                ..delivery.clone()
            };
            headers.append(HeaderName::PAYMENT_ID, foreign_id(&first).to_string());
        }
        let is_kept = |name: &str| !name.starts_with(PROVENANCE) && name != Self::REDRIVES;
        *headers = headers.iter().filter(|header| is_kept(header.name)).collect();
        headers.append(Self::REDRIVES, self.redrives.saturating_add(1).to_string());
        record
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("fault", &self.fault)
            .field("stage", &self.stage)
            .field("attempts", &self.attempts)
            .field("redrives", &self.redrives)
            .finish_non_exhaustive()
    }
}

fn number<N: std::str::FromStr>(
    header: &'static str,
    text: &str,
    is_right: impl FnOnce(&N) -> bool,
) -> Result<N, InvalidDeadLetter> {
    text.parse().ok().filter(is_right).ok_or(InvalidDeadLetter { header })
}

fn fault_of(name: &str) -> Option<Fault> {
    let faults = [Fault::Transient { retry_after: None }, Fault::Permanent, Fault::Unknown, Fault::Fatal];
    faults.into_iter().find(|fault| fault.as_str() == name)
}
