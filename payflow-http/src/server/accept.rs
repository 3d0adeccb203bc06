//! What to do when the listening socket gives an error instead of a connection.

use std::{io, time::Duration};

use tokio::time::Instant;

/// Whether the listening socket works, and if not, when to try again. A value: it takes `now` and returns what to do.
#[derive(Debug, Default)]
pub(super) struct Accepting {
    outage_since: Option<Instant>,
    retry_at: Option<Instant>,
}

/// What an error of the listening socket asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was about one connection that is gone already.
    Passing,
    /// The process or the machine is out of something: it is waited for. `first` of its outage, so log it.
    Outage { first: bool },
    /// The socket will never accept again.
    Permanent,
}

impl Accepting {
    pub(super) fn on_error(&mut self, error: &io::Error, now: Instant) -> Failure {
        match error.kind() {
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted => Failure::Passing,
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Failure::Permanent,
            // Files, memory, and whatever else an operating system finds: without a wait this loop would spin.
            _ => {
                let first = self.outage_since.is_none();
                self.outage_since.get_or_insert(now);
                self.retry_at = Some(now + RETRY_DELAY);
                Failure::Outage { first }
            }
        }
    }

    /// Returns how long the outage lasted that this connection ended, if there was one.
    pub(super) fn on_connection(&mut self, now: Instant) -> Option<Duration> {
        self.retry_at = None;
        self.outage_since.take().map(|since| now.duration_since(since))
    }

    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }
}

/// Short beside a client's patience, long beside the cost of asking.
const RETRY_DELAY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_reported_once_and_waited_for() {
        const EMFILE: i32 = 24;
        let out_of_files = || io::Error::from_raw_os_error(EMFILE);
        let start = Instant::now();
        let mut accepting = Accepting::default();

        assert_eq!(accepting.on_error(&out_of_files(), start), Failure::Outage { first: true });
        assert_eq!(accepting.retry_at(), Some(start + RETRY_DELAY));
        let later = start + RETRY_DELAY;
        assert_eq!(accepting.on_error(&out_of_files(), later), Failure::Outage { first: false });
        assert_eq!(accepting.retry_at(), Some(later + RETRY_DELAY));

        assert_eq!(accepting.on_connection(start + 3 * RETRY_DELAY), Some(3 * RETRY_DELAY));
        assert_eq!(accepting.retry_at(), None);
        assert_eq!(accepting.on_connection(later), None);
        assert_eq!(accepting.on_error(&out_of_files(), later), Failure::Outage { first: true });
    }

    #[test]
    fn error_about_one_connection_is_not_waited_for() {
        let mut accepting = Accepting::default();
        let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);

        assert_eq!(accepting.on_error(&aborted, Instant::now()), Failure::Passing);
        assert_eq!(accepting.retry_at(), None);
    }

    #[test]
    fn unusable_socket_is_permanent() {
        let mut accepting = Accepting::default();
        let invalid = io::Error::from(io::ErrorKind::InvalidInput);

        assert_eq!(accepting.on_error(&invalid, Instant::now()), Failure::Permanent);
    }
}
