//! How an adapter broke its contract.

use std::error::Error as StdError;
use std::fmt;

use payflow_core::{Delivery, Error};

/// What a case expected and what it met instead, with the record it is about.
///
/// ```
/// use payflow_testkit::conformance::Violation;
///
/// let violation = Violation::new("record 3 once", "it came twice").at("payment-topic/0@3");
/// assert_eq!(
///     violation.to_string(),
///     "expected: record 3 once\n happened: it came twice\n   record: payment-topic/0@3"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    expected: String,
    happened: String,
    record: Option<String>,
}

impl Violation {
    /// The adapter owed `expected`; `happened` came instead.
    #[must_use]
    pub fn new(expected: impl Into<String>, happened: impl Into<String>) -> Self {
        Self { expected: expected.into(), happened: happened.into(), record: None }
    }

    /// The same violation, about this record.
    #[must_use]
    pub fn at(mut self, record: impl Into<String>) -> Self {
        self.record = Some(record.into());
        self
    }

    /// What the adapter owed.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What came instead.
    #[must_use]
    pub fn happened(&self) -> &str {
        &self.happened
    }

    /// An operation that a sound transport carries out has failed.
    pub(crate) fn failed(expected: impl Into<String>, error: &Error) -> Self {
        let happened = format!("it failed: {}", error.chain());
        Self::new(expected, happened)
    }

    /// The same violation, about this delivery.
    pub(crate) fn of(self, delivery: &Delivery) -> Self {
        self.at(label(delivery))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected: {}\n happened: {}", self.expected, self.happened)?;
        match &self.record {
            Some(record) => write!(f, "\n   record: {record}"),
            None => Ok(()),
        }
    }
}

impl StdError for Violation {}

/// A delivery as messages name it: its text, its key, where it stands.
pub(crate) fn label(delivery: &Delivery) -> String {
    let text = |bytes: Option<&[u8]>| match bytes {
        None => "none".to_owned(),
        Some(bytes) if bytes.len() > 40 => format!("{} bytes", bytes.len()),
        Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
    };
    format!(
        "value {}, key {}, at {}/{}@{}",
        text(delivery.value()),
        text(delivery.key()),
        delivery.topic,
        delivery.partition,
        delivery.offset
    )
}
