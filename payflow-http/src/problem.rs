//! Refusals in the form of RFC 9457, `application/problem+json`.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use payflow_core::{InvalidPayment, PaymentId};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A refusal: what kind, and what to tell the client. Holds nothing of what the client sent but a field's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    payment_id: Option<PaymentId>,
    retry_after: Option<u64>,
}

/// What clients tell apart. `Status` is for what the status alone says in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    MalformedBody,
    InvalidIdempotencyKey,
    NotAnObject,
    InvalidField,
    IdempotencyKeyReused,
    Unavailable,
    OutcomeUnknown,
    Status(StatusCode),
}

impl Problem {
    pub(crate) const fn not_found() -> Self {
        Self::status(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// Whoever sends it adds `Allow`.
    pub(crate) const fn method_not_allowed() -> Self {
        let detail = "this path does not have this method; Allow names those it has";
        Self::status(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    pub(crate) const fn not_ready() -> Self {
        Self::status(StatusCode::SERVICE_UNAVAILABLE, "not ready for payments")
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let detail = format!("the body must have at most {bytes_max} bytes");
        Self::new(Kind::Status(StatusCode::PAYLOAD_TOO_LARGE), Cow::Owned(detail))
    }

    pub(crate) const fn unsupported_media_type(detail: &'static str) -> Self {
        Self::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    pub(crate) fn malformed_body(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::MalformedBody, detail.into())
    }

    pub(crate) fn not_an_object() -> Self {
        Self::new(Kind::NotAnObject, Cow::Borrowed("the body must be a JSON object"))
    }

    pub(crate) fn invalid_idempotency_key(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidIdempotencyKey, detail.into())
    }

    pub(crate) fn invalid_field(invalid: &InvalidPayment) -> Self {
        let mut problem = Self::new(Kind::InvalidField, Cow::Owned(invalid.to_string()));
        problem.field = Some(Cow::Borrowed(invalid.field().name()));
        problem
    }

    /// A field that a payment request does not have. Only a name that looks like one is repeated: anything else may
    /// be a misplaced value.
    pub(crate) fn unknown_field(name: &str) -> Self {
        let detail = "the object has a field that a payment request does not have";
        let mut problem = Self::new(Kind::InvalidField, Cow::Borrowed(detail));
        problem.field = is_field_name(name).then(|| Cow::Owned(name.to_owned()));
        problem
    }

    pub(crate) fn idempotency_key_reused() -> Self {
        let detail = "the idempotency key was used before, for another request; use a new one";
        Self::new(Kind::IdempotencyKeyReused, Cow::Borrowed(detail))
    }

    pub(crate) fn unavailable(retry_after: Option<Duration>) -> Self {
        let detail = "the payment was not taken; repeat it after the time in Retry-After";
        let mut problem = Self::new(Kind::Unavailable, Cow::Borrowed(detail));
        problem.retry_after = Some(retry_after.map_or(1, whole_seconds));
        problem
    }

    pub(crate) fn outcome_unknown(payment_id: Option<PaymentId>) -> Self {
        let detail = "the payment may have been taken; repeat it with the same Idempotency-Key, or it may be taken twice";
        let mut problem = Self::new(Kind::OutcomeUnknown, Cow::Borrowed(detail));
        problem.payment_id = payment_id;
        problem
    }

    pub(crate) const fn internal() -> Self {
        let detail = "the payment was not taken, and repeating it will not help";
        Self::status(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    const fn status(status: StatusCode, detail: &'static str) -> Self {
        Self::new(Kind::Status(status), Cow::Borrowed(detail))
    }

    const fn new(kind: Kind, detail: Cow<'static, str>) -> Self {
        Self { kind, detail, field: None, payment_id: None, retry_after: None }
    }
}

impl Kind {
    const fn status(self) -> StatusCode {
        match self {
            Self::MalformedBody | Self::InvalidIdempotencyKey => StatusCode::BAD_REQUEST,
            Self::NotAnObject | Self::InvalidField | Self::IdempotencyKeyReused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
            Self::Status(status) => status,
        }
    }

    /// Part of the contract with clients: they tell causes apart by it.
    const fn uri(self) -> &'static str {
        match self {
            Self::MalformedBody => "urn:payflow:problem:malformed-body",
            Self::InvalidIdempotencyKey => "urn:payflow:problem:invalid-idempotency-key",
            Self::NotAnObject => "urn:payflow:problem:not-an-object",
            Self::InvalidField => "urn:payflow:problem:invalid-field",
            Self::IdempotencyKeyReused => "urn:payflow:problem:idempotency-key-reused",
            Self::Unavailable => "urn:payflow:problem:unavailable",
            Self::OutcomeUnknown => "urn:payflow:problem:outcome-unknown",
            Self::Status(_) => "about:blank",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::MalformedBody => "Malformed body",
            Self::InvalidIdempotencyKey => "Invalid idempotency key",
            Self::NotAnObject => "Not a JSON object",
            Self::InvalidField => "Invalid field",
            Self::IdempotencyKeyReused => "Idempotency key reused",
            Self::Unavailable => "Payments unavailable",
            Self::OutcomeUnknown => "Outcome unknown",
            // RFC 9457 §4.2.1: with about:blank the title is the status' own phrase.
            Self::Status(status) => status.canonical_reason().unwrap_or_default(),
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("type", self.kind.uri())?;
        members.serialize_entry("title", self.kind.title())?;
        members.serialize_entry("status", &self.kind.status().as_u16())?;
        members.serialize_entry("detail", &self.detail)?;
        if let Some(field) = &self.field {
            members.serialize_entry("field", field)?;
        }
        if let Some(payment_id) = self.payment_id {
            members.serialize_entry(
                "paymentId",
                payment_id.as_uuid().as_hyphenated().encode_lower(&mut [0; 36]),
            )?;
        }
        members.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Text and numbers into memory: there is nothing to fail.
        let body = serde_json::to_vec(&self).expect("a problem is plain JSON");
        let mut response = (self.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE) {
            // RFC 9110 §15.5.16: tells a client that compressed its body what would have been taken.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        response
    }
}

fn is_field_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.len() <= 32 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(legal)
}

/// Rounded up, at least one: a client that came back at once would only add load.
fn whole_seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_whole_seconds_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn only_what_looks_like_a_field_name_is_repeated() {
        for name in ["amountMinor", "x-note", "a1_b", &"x".repeat(32)] {
            assert_eq!(Problem::unknown_field(name).field.as_deref(), Some(name));
        }
        for name in ["", "4111111111111111", "u@example.org", "a b", "\"", "é", &"x".repeat(33)] {
            assert_eq!(Problem::unknown_field(name).field, None, "{name:?}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let problem = Problem::malformed_body("a \"quoted\"\nline\\");
        let json: serde_json::Value = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["detail"], "a \"quoted\"\nline\\");
    }
}
