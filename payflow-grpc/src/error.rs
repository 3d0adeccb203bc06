//! What a failed call means for the notification: every cause, in one `match`.

use std::error::Error as StdError;
use std::time::Duration;

use payflow_core::{Error, Fault};
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use crate::endpoint::chain;

/// A server's word on when to come back, beside `RetryInfo`.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Where a failed call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The connection was lost and could not be made anew: nothing was sent.
    NotConnected,
    /// The connection failed with the call on it.
    Connection,
    /// The other side, or what stands before it, answered.
    Answer,
}

impl Cause {
    /// What the client's own transport failed on is the status' source; an answer has none.
    pub(crate) fn of(status: &Status) -> Self {
        let Some(source) = status.source() else {
            return Self::Answer;
        };
        let mut causes = std::iter::successors(Some(source), |error| (*error).source());
        if causes.any(|error| error.is::<ConnectError>()) { Self::NotConnected } else { Self::Connection }
    }
}

/// The error that a failed call is.
pub(crate) fn error(status: Status, operation: &'static str) -> Error {
    Error::new(fault(&status), operation).because(text(&status))
}

/// What surely was not done is Transient or Permanent; all else is Unknown, and so is what other causes a code may have.
fn fault(status: &Status) -> Fault {
    match Cause::of(status) {
        Cause::NotConnected => return Fault::Transient { retry_after: None },
        // What went out may have arrived.
        Cause::Connection => return Fault::Unknown,
        Cause::Answer => {}
    }
    match status.code() {
        // About this notification.
        Code::InvalidArgument | Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists => {
            Fault::Permanent
        }
        // About the caller or the place that it calls: no notification is to blame, and somebody will mend it. What is exhausted
        // is a quota, for a message that is too long is refused before it is sent.
        Code::Unimplemented | Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted => {
            Fault::Transient { retry_after: retry_after(status) }
        }
        // Proxies say it of connections that broke with the call on them. Who says when to come back has not taken it.
        Code::Unavailable => {
            retry_after(status).map_or(Fault::Unknown, |delay| Fault::Transient { retry_after: Some(delay) })
        }
        // tonic's client says OUT_OF_RANGE of an answer beyond its own limit, and then the call was executed.
        Code::OutOfRange
        | Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Internal
        | Code::DataLoss => Fault::Unknown,
    }
}

fn retry_after(status: &Status) -> Option<Duration> {
    let info = status.get_details_retry_info().and_then(|info| info.retry_delay);
    info.or_else(|| {
        let millis = status.metadata().get(PUSHBACK)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_millis(millis))
    })
    .map(|delay| delay.min(DELAY_MAX))
}

/// The code, what the other side says, and the causes on this side.
fn text(status: &Status) -> String {
    let message: String = status.message().chars().take(MESSAGE_CHARS_MAX).collect();
    let code = status.code();
    match status.source() {
        Some(source) => format!("{code:?}: {}", chain(source)),
        None if message.is_empty() => format!("{code:?}"),
        None => format!("{code:?}: {message}"),
    }
}

const MESSAGE_CHARS_MAX: usize = 512;
const DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tonic_types::ErrorDetails;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn every_code_of_an_answer_has_its_fault() {
        let later = Fault::Transient { retry_after: None };
        for (code, fault) in [
            (Code::Ok, Fault::Unknown),
            (Code::Cancelled, Fault::Unknown),
            (Code::Unknown, Fault::Unknown),
            (Code::InvalidArgument, Fault::Permanent),
            (Code::DeadlineExceeded, Fault::Unknown),
            (Code::NotFound, Fault::Permanent),
            (Code::AlreadyExists, Fault::Permanent),
            (Code::PermissionDenied, later),
            (Code::ResourceExhausted, later),
            (Code::FailedPrecondition, Fault::Permanent),
            (Code::Aborted, Fault::Unknown),
            (Code::OutOfRange, Fault::Unknown),
            (Code::Unimplemented, later),
            (Code::Internal, Fault::Unknown),
            (Code::Unavailable, Fault::Unknown),
            (Code::DataLoss, Fault::Unknown),
            (Code::Unauthenticated, later),
        ] {
            assert_eq!(error(Status::new(code, "x"), "notify").fault(), fault, "{code:?}");
        }
    }

    #[test]
    fn who_says_when_to_come_back_has_not_taken_it() {
        let mut pushed = Status::unavailable("busy");
        pushed.metadata_mut().insert(PUSHBACK, "1000".parse().unwrap());
        let details = ErrorDetails::with_retry_info(Some(SECOND));
        let informed = Status::with_error_details(Code::Unavailable, "busy", details);
        for status in [pushed, informed] {
            assert_eq!(fault(&status), Fault::Transient { retry_after: Some(SECOND) });
        }
        let mut never = Status::unavailable("busy");
        never.metadata_mut().insert(PUSHBACK, "-1".parse().unwrap());
        assert_eq!(fault(&never), Fault::Unknown);
    }

    #[test]
    fn what_failed_on_this_side_is_unknown_unless_nothing_was_sent() {
        let broken = |source: Box<dyn StdError + Send + Sync>| {
            let mut status = Status::unavailable("broken");
            status.set_source(Arc::from(source));
            status
        };
        let refused = ConnectError("refused".into());
        assert_eq!(fault(&broken(Box::new(refused))), Fault::Transient { retry_after: None });
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(fault(&broken(Box::new(reset))), Fault::Unknown);
    }
}
