//! What went wrong, and the one question the engine asks about it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What a failure means for the call that failed, and so what is done next.
///
/// The enum is exhaustive on purpose: whoever maps a cause has to choose, and whoever decides has to decide all four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It surely did not happen; the same call may succeed later.
    Transient {
        /// How long the other side asked to be left alone; `None` if it did not say.
        retry_after: Option<Duration>,
    },
    /// This record or request never will succeed.
    Permanent,
    /// It may have happened.
    Unknown,
    /// The client that made the call is unusable (fenced, unauthorised): every further call would fail too.
    Fatal,
}

impl Fault {
    /// The fault's name in logs and dead-letter headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Permanent => "permanent",
            Self::Unknown => "unknown",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed operation of a port: its [`Fault`], what was being done, and the cause.
///
/// `Display` prints this level only, so that a log that walks [`source`](StdError::source) prints nothing twice.
///
/// ```
/// use payflow_core::{Error, Fault};
///
/// let error = Error::transient("send to payment-topic").because("queue full");
/// assert_eq!(error.fault(), Fault::Transient { retry_after: None });
/// assert_eq!(error.to_string(), "send to payment-topic: transient");
/// ```
#[derive(Debug)]
pub struct Error {
    fault: Fault,
    operation: &'static str,
    counts_attempt: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of `operation`, with the fault already decided.
    #[must_use]
    pub const fn new(fault: Fault, operation: &'static str) -> Self {
        Self { fault, operation, counts_attempt: true, source: None }
    }

    /// A [`Fault::Transient`] without a wish about when to come back.
    #[must_use]
    pub const fn transient(operation: &'static str) -> Self {
        Self::new(Fault::Transient { retry_after: None }, operation)
    }

    /// A [`Fault::Permanent`].
    #[must_use]
    pub const fn permanent(operation: &'static str) -> Self {
        Self::new(Fault::Permanent, operation)
    }

    /// A [`Fault::Unknown`].
    #[must_use]
    pub const fn unknown(operation: &'static str) -> Self {
        Self::new(Fault::Unknown, operation)
    }

    /// A [`Fault::Fatal`].
    #[must_use]
    pub const fn fatal(operation: &'static str) -> Self {
        Self::new(Fault::Fatal, operation)
    }

    /// A [`Fault::Transient`] because another holds what is needed for `remaining` longer.
    ///
    /// Waiting for it says nothing about the record, so it uses up no attempt: see [`counts_attempt`](Self::counts_attempt).
    #[must_use]
    pub const fn held(operation: &'static str, remaining: Duration) -> Self {
        let fault = Fault::Transient { retry_after: Some(remaining) };
        Self { fault, operation, counts_attempt: false, source: None }
    }

    /// Keeps the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the failure means for the call that failed.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// What was being done, such as `commit` or `send to payment-topic`.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether a handler that failed so has used up one of its attempts.
    #[must_use]
    pub const fn counts_attempt(&self) -> bool {
        self.counts_attempt
    }

    /// The whole chain in one line, for a log line or a dead letter: `operation: fault: cause: cause`.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.fault)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_prints_its_own_level_and_chain_prints_all() {
        let error = Error::unknown("commit").because(std::io::Error::other("connection reset"));
        assert_eq!(error.to_string(), "commit: unknown");
        assert_eq!(error.chain(), "commit: unknown: connection reset");
        assert!(error.source().is_some());
    }

    #[test]
    fn only_waiting_for_a_holder_uses_up_no_attempt() {
        let held = Error::held("claim", Duration::from_secs(3));
        assert_eq!(held.fault(), Fault::Transient { retry_after: Some(Duration::from_secs(3)) });
        assert!(!held.counts_attempt());
        assert!(Error::transient("claim").counts_attempt());
    }
}
