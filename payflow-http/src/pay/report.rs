//! Tells the person on call that payments fail, in few lines however many fail.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{error, info};

use super::outage::{Line, OutageLog};

/// A way to fail that is not the client's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Answered 503.
    Unavailable,
    /// Answered 504.
    OutcomeUnknown,
    /// Answered 500.
    Internal,
}

/// One [`OutageLog`] for each class of failure, written out. Logs nothing that is particular to a payment.
#[derive(Debug, Default)]
pub(super) struct Report {
    logs: Mutex<Logs>,
}

#[derive(Debug, Default)]
struct Logs {
    unavailable: OutageLog,
    outcome_unknown: OutageLog,
    internal: OutageLog,
}

impl Report {
    /// A payment failed. `cause` is asked for only if there is a line to write.
    pub(super) fn failed(&self, failure: Failure, cause: impl FnOnce() -> String) {
        if let Some(line) = self.with_logs(|logs, now| logs.of(failure).failed(now)) {
            write(failure, &line, cause);
        }
    }

    /// A payment was accepted.
    pub(super) fn accepted(&self) {
        let lines = self.with_logs(|logs, now| {
            Failure::ALL.map(|failure| logs.of(failure).succeeded(now).map(|line| (failure, line)))
        });
        for (failure, line) in lines.into_iter().flatten() {
            write(failure, &line, String::new);
        }
    }

    fn with_logs<T>(&self, ask: impl FnOnce(&mut Logs, Instant) -> T) -> T {
        let now = tokio::time::Instant::now().into_std();
        // Half an update of a counter is no reason to stop taking payments.
        ask(&mut self.logs.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

impl Logs {
    const fn of(&mut self, failure: Failure) -> &mut OutageLog {
        match failure {
            Failure::Unavailable => &mut self.unavailable,
            Failure::OutcomeUnknown => &mut self.outcome_unknown,
            Failure::Internal => &mut self.internal,
        }
    }
}

impl Failure {
    const ALL: [Self; 3] = [Self::Unavailable, Self::OutcomeUnknown, Self::Internal];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome unknown",
            Self::Internal => "internal",
        }
    }
}

fn write(failure: Failure, line: &Line, cause: impl FnOnce() -> String) {
    let class = failure.as_str();
    match line {
        Line::Began => error!(class, cause = cause(), "payments fail"),
        Line::Lasts(extent) => error!(
            class,
            cause = cause(),
            failures = extent.failures,
            seconds = extent.lasted.as_secs(),
            "payments still fail"
        ),
        Line::Over(extent) => info!(
            class,
            failures = extent.failures,
            seconds = extent.lasted.as_secs(),
            "payments are accepted again"
        ),
    }
}
