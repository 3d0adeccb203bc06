//! Refusals as gRPC says them: a status, and details by `google.rpc` for who reads more than the code.

use std::collections::HashMap;
use std::time::Duration;

use payflow_core::{InvalidPayment, PaymentId};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Who speaks in an `ErrorInfo`.
const DOMAIN: &str = "payflow";
/// The member of an `ErrorInfo`'s metadata that holds the payment's id.
const PAYMENT_ID: &str = "paymentId";
/// What a client is told to wait that the other side told nothing: it spreads the repeats of many clients.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A field is refused. `reason` goes on after the field's name.
pub(crate) fn invalid_field(field: &str, reason: &str) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation(field, format!("{field} {reason}"));
    details.set_error_info("INVALID_FIELD", DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, format!("{field} {reason}"), details)
}

pub(crate) fn invalid_payment(invalid: &InvalidPayment) -> Status {
    invalid_field(invalid.field().name(), invalid.reason())
}

pub(crate) fn key_reused() -> Status {
    let text = "the idempotency key was used before, for another request; use a new one";
    let details = ErrorDetails::with_error_info("IDEMPOTENCY_KEY_REUSED", DOMAIN, HashMap::new());
    Status::with_error_details(Code::FailedPrecondition, text, details)
}

/// Surely not taken.
pub(crate) fn unavailable(retry_after: Option<Duration>) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(retry_after.unwrap_or(RETRY_DELAY)));
    details.set_error_info("UNAVAILABLE", DOMAIN, HashMap::new());
    let text = "the payment was not taken; repeat it after the delay in RetryInfo";
    Status::with_error_details(Code::Unavailable, text, details)
}

/// It may have been done.
pub(crate) fn outcome_unknown(payment_id: Option<PaymentId>) -> Status {
    let metadata = payment_id.map(|id| (PAYMENT_ID.to_owned(), id.to_string()));
    let details = ErrorDetails::with_error_info(
        "OUTCOME_UNKNOWN",
        DOMAIN,
        metadata.into_iter().collect::<HashMap<_, _>>(),
    );
    let text = "it may have been done; repeat it with the same identity, or it may be done twice";
    Status::with_error_details(Code::DeadlineExceeded, text, details)
}

pub(crate) fn internal() -> Status {
    let details = ErrorDetails::with_error_info("INTERNAL", DOMAIN, HashMap::new());
    Status::with_error_details(
        Code::Internal,
        "the payment was not taken, and repeating it will not help",
        details,
    )
}
