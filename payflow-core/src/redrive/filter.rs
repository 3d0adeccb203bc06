//! Which dead letters are meant. Pure.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use super::letter::DeadLetter;
use crate::error::Fault;
use crate::record::Topic;

/// Which dead letters are meant: those that fulfil every condition. Without any, all of them.
///
/// `Debug` does not show the key.
///
/// ```
/// use payflow_core::{Fault, RedriveFilter, Topic};
///
/// let filter = RedriveFilter::new()
///     .with_topic(Topic::parse("payment-topic")?)
///     .with_since("2026-11-23T08:00:00Z".parse()?)
///     .with_fault(Fault::Permanent);
/// # let _ = filter;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RedriveFilter {
    topics: Vec<Topic>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    faults: Vec<Fault>,
    stages: Vec<String>,
    key: Option<Bytes>,
}

impl RedriveFilter {
    /// All dead letters.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            topics: Vec::new(),
            since: None,
            until: None,
            faults: Vec::new(),
            stages: Vec::new(),
            key: None,
        }
    }

    /// Those that came from this topic; called again, from either.
    #[must_use]
    pub fn with_topic(mut self, topic: Topic) -> Self {
        self.topics.push(topic);
        self
    }

    /// Those set aside then or later, by the dead letter's own time.
    #[must_use]
    pub const fn with_since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Those set aside earlier than that, by the dead letter's own time.
    #[must_use]
    pub const fn with_until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Those with this fault; called again, with either. Of [`Fault::Transient`] the pause asked for does not matter.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Those that failed in this stage, such as `decode`; called again, in either.
    #[must_use]
    pub fn with_stage(mut self, stage: impl Into<String>) -> Self {
        self.stages.push(stage.into());
        self
    }

    /// Those whose key is exactly this.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Whether a dead letter fulfils every condition. One without a time is outside every range of time.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let is_any = |fault: &Fault| fault.as_str() == letter.fault.as_str();
        let (since, until, at) = (self.since, self.until, letter.set_aside_at);
        (self.topics.is_empty() || self.topics.contains(&letter.topic))
            && since.is_none_or(|since| at.is_some_and(|at| at >= since))
            && until.is_none_or(|until| at.is_some_and(|at| at < until))
            && (self.faults.is_empty() || self.faults.iter().any(is_any))
            && (self.stages.is_empty() || self.stages.contains(&letter.stage))
            && (self.key.is_none() || self.key == letter.key)
    }
}

impl fmt::Debug for RedriveFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedriveFilter")
            .field("topics", &self.topics)
            .field("since", &self.since)
            .field("until", &self.until)
            .field("faults", &self.faults)
            .field("stages", &self.stages)
            .field("key_bytes", &self.key.as_ref().map(Bytes::len))
            .finish()
    }
}
