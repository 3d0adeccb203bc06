//! The one table between a notifier's outcome and what a call says of it, read in both directions.
//!
//! | outcome | on the wire | read as |
//! |---|---|---|
//! | `Sent::Accepted` | `accepted` | the same |
//! | `Sent::Delivered` | `delivered` | the same |
//! | Transient, with or without a wish | `retryLater` with or without `delay` | the same |
//! | Transient because another holds the claim | `retryLater` with `held` | the same: it uses up no attempt |
//! | Permanent | `rejected` with the reason | the same |
//! | Fatal | `rejected` with the reason | Permanent: from a notifier it counts as that, and the client here is usable |
//! | Unknown | no acknowledgement: the status `DEADLINE_EXCEEDED` | the same |
//! | – | an acknowledgement without an outcome that is known here | Unknown |

use std::time::Duration;

use payflow_core::{Error, Fault, Sent};
use payflow_proto::Acknowledgement;
use payflow_proto::acknowledgement::{Accepted, Delivered, Outcome, Rejected, RetryLater};
use tonic::Status;

use crate::answer;

/// The longest reason that is sent or kept, in bytes.
const REASON_BYTES_MAX: usize = 1_024;
/// The longest delay that is believed: what waits for longer would look lost.
const DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What is said of an outcome.
pub(crate) fn write(outcome: &Result<Sent, Error>) -> Result<Acknowledgement, Status> {
    let outcome = match outcome {
        Ok(Sent::Accepted) => Outcome::Accepted(Accepted {}),
        Ok(Sent::Delivered) => Outcome::Delivered(Delivered {}),
        Err(error) => match error.fault() {
            Fault::Transient { retry_after } => Outcome::RetryLater(RetryLater {
                // A delay beyond what the wire can say is none that anybody waits for.
                delay: retry_after.and_then(|delay| delay.min(DELAY_MAX).try_into().ok()),
                held: !error.counts_attempt(),
            }),
            Fault::Permanent | Fault::Fatal => Outcome::Rejected(Rejected { reason: bounded(error.chain()) }),
            Fault::Unknown => return Err(answer::outcome_unknown(None)),
        },
    };
    Ok(Acknowledgement { outcome: Some(outcome) })
}

/// What an acknowledgement says of `operation`.
pub(crate) fn read(acknowledgement: Acknowledgement, operation: &'static str) -> Result<Sent, Error> {
    match acknowledgement.outcome {
        Some(Outcome::Accepted(Accepted {})) => Ok(Sent::Accepted),
        Some(Outcome::Delivered(Delivered {})) => Ok(Sent::Delivered),
        Some(Outcome::RetryLater(RetryLater { delay, held })) => {
            let delay = delay.and_then(|delay| Duration::try_from(delay).ok());
            let delay = delay.map(|delay| delay.min(DELAY_MAX));
            let error = match delay {
                Some(remaining) if held => Error::held(operation, remaining),
                retry_after => Error::new(Fault::Transient { retry_after }, operation),
            };
            Err(error.because("the other side says: later"))
        }
        Some(Outcome::Rejected(Rejected { reason })) => {
            Err(Error::permanent(operation).because(format!("rejected: {}", bounded(reason))))
        }
        None => {
            Err(Error::unknown(operation).because("the acknowledgement has no outcome that is known here"))
        }
    }
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(REASON_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    type Said = Result<Sent, Error>;

    /// Each row of the table: an outcome, what stands on the wire, and what is read from that.
    fn rows() -> Vec<(Said, Outcome, Said)> {
        let later = |delay, held| Outcome::RetryLater(RetryLater { delay, held });
        let delay = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        let transient = |retry_after| Error::new(Fault::Transient { retry_after }, "notify");
        let rejected = |reason: &str| Outcome::Rejected(Rejected { reason: reason.to_owned() });
        vec![
            (Ok(Sent::Accepted), Outcome::Accepted(Accepted {}), Ok(Sent::Accepted)),
            (Ok(Sent::Delivered), Outcome::Delivered(Delivered {}), Ok(Sent::Delivered)),
            (Err(transient(None)), later(None, false), Err(transient(None))),
            (
                Err(transient(Some(SECOND * 3 / 2))),
                later(delay(1, 500_000_000), false),
                Err(transient(Some(SECOND * 3 / 2))),
            ),
            (
                Err(transient(Some(Duration::MAX))),
                later(delay(86_400, 0), false),
                Err(transient(Some(DELAY_MAX))),
            ),
            (Err(Error::held("claim", SECOND)), later(delay(1, 0), true), Err(Error::held("notify", SECOND))),
            (
                Err(Error::permanent("send").because("no such address")),
                rejected("send: permanent: no such address"),
                Err(Error::permanent("notify")),
            ),
            (Err(Error::fatal("send")), rejected("send: fatal"), Err(Error::permanent("notify"))),
        ]
    }

    #[test]
    fn every_row_of_the_table_is_written() {
        for (outcome, wire, _) in rows() {
            assert_eq!(write(&outcome).unwrap(), Acknowledgement { outcome: Some(wire) }, "{outcome:?}");
        }
        let unknown = write(&Err(Error::unknown("send"))).unwrap_err();
        assert_eq!(unknown.code(), Code::DeadlineExceeded);
    }

    #[test]
    fn every_row_of_the_table_is_read() {
        for (_, wire, expected) in rows() {
            let found = read(Acknowledgement { outcome: Some(wire.clone()) }, "notify");
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => {
                    assert_eq!(found.fault(), expected.fault(), "{wire:?}");
                    assert_eq!(found.counts_attempt(), expected.counts_attempt(), "{wire:?}");
                    assert_eq!(found.operation(), "notify");
                }
                (found, _) => panic!("{wire:?} is read as {found:?}"),
            }
        }
        assert_eq!(read(Acknowledgement { outcome: None }, "notify").unwrap_err().fault(), Fault::Unknown);
    }

    #[test]
    fn nonsense_of_another_is_bounded() {
        let later = |seconds, nanos, held| {
            let delay = Some(prost_types::Duration { seconds, nanos });
            let outcome = Some(Outcome::RetryLater(RetryLater { delay, held }));
            read(Acknowledgement { outcome }, "notify").unwrap_err()
        };
        assert_eq!(later(-1, 0, false).fault(), Fault::Transient { retry_after: None });
        assert_eq!(later(i64::MAX, 0, false).fault(), Fault::Transient { retry_after: Some(DELAY_MAX) });
        // Held for no time that is known would be waited for without end, and use up no attempt.
        assert!(later(-1, 0, true).counts_attempt());

        let reason = "é".repeat(REASON_BYTES_MAX);
        let outcome = Some(Outcome::Rejected(Rejected { reason }));
        let error = read(Acknowledgement { outcome }, "notify").unwrap_err();
        assert!(error.chain().len() < REASON_BYTES_MAX + 64, "{}", error.chain().len());
    }
}
