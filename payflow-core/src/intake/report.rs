//! Tells the person on call that payments fail, in few lines however many fail.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{error, info};

use super::outage::{Line, OutageLog};

/// A way in which a front door fails a payment that is not the client's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeFailure {
    /// Surely not taken, later perhaps: 503, `UNAVAILABLE`.
    Unavailable,
    /// It may have been taken: 504, `DEADLINE_EXCEEDED`.
    OutcomeUnknown,
    /// Not taken, and never will be: 500, `INTERNAL`.
    Internal,
}

/// What a front door tells the log of payments that fail, however many: a line when it begins, one a minute while it
/// lasts, and one when it is over. It tells nothing that is particular to a payment.
#[derive(Debug, Default)]
pub struct IntakeReport {
    logs: Mutex<Logs>,
}

#[derive(Debug, Default)]
struct Logs {
    /// Unavailable or unknown. What is away causes both, by how far a payment had come: that is one outage.
    away: OutageLog,
    /// Of the failures of `away`, those whose outcome is not known.
    outcome_unknown: u64,
    internal: OutageLog,
}

impl IntakeReport {
    /// A payment failed. `cause` is asked for only if there is a line to write.
    pub fn failed(&self, failure: IntakeFailure, cause: impl FnOnce() -> String) {
        let line = self.with_logs(|logs, now| {
            let line = logs.of(failure).failed(now)?;
            Some((line, logs.outcome_unknown))
        });
        if let Some((line, outcome_unknown)) = line {
            write(failure.as_str(), &line, outcome_unknown, cause);
        }
    }

    /// A payment was accepted.
    pub fn accepted(&self) {
        let lines = self.with_logs(|logs, now| {
            let away = logs.away.succeeded(now).map(|line| (line, std::mem::take(&mut logs.outcome_unknown)));
            [away, logs.internal.succeeded(now).map(|line| (line, 0))]
        });
        for (class, line) in ["unavailable", "internal"].into_iter().zip(lines) {
            if let Some((line, outcome_unknown)) = line {
                write(class, &line, outcome_unknown, String::new);
            }
        }
    }

    fn with_logs<T>(&self, ask: impl FnOnce(&mut Logs, Instant) -> T) -> T {
        let now = tokio::time::Instant::now().into_std();
        // Half an update of a counter is no reason to stop taking payments.
        ask(&mut self.logs.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

impl Logs {
    fn of(&mut self, failure: IntakeFailure) -> &mut OutageLog {
        match failure {
            IntakeFailure::Unavailable => &mut self.away,
            IntakeFailure::OutcomeUnknown => {
                self.outcome_unknown += 1;
                &mut self.away
            }
            IntakeFailure::Internal => &mut self.internal,
        }
    }
}

impl IntakeFailure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome unknown",
            Self::Internal => "internal",
        }
    }
}

fn write(class: &'static str, line: &Line, outcome_unknown: u64, cause: impl FnOnce() -> String) {
    match line {
        Line::Began => error!(class, cause = cause(), "payments fail"),
        Line::Lasts(extent) => error!(
            class,
            cause = cause(),
            failures = extent.failures,
            outcome_unknown,
            seconds = extent.lasted.as_secs(),
            "payments still fail"
        ),
        Line::Over(extent) => info!(
            class,
            failures = extent.failures,
            outcome_unknown,
            seconds = extent.lasted.as_secs(),
            "payments are accepted again"
        ),
    }
}
