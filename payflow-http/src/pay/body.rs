//! Reads a request's body into memory, up to a limit.

use std::error::Error as StdError;
use std::pin::pin;

use axum::BoxError;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError};

use crate::problem::Problem;

/// A declared length beyond `bytes_max` is refused unread.
pub(super) fn check_length(headers: &HeaderMap, body: &impl Body, bytes_max: usize) -> Result<(), Problem> {
    let hint = body.size_hint();
    let declared = hint.exact().unwrap_or_else(|| declared_length(headers).max(hint.lower()));
    if usize::try_from(declared).is_ok_and(|length| length <= bytes_max) {
        Ok(())
    } else {
        Err(Problem::too_large(bytes_max))
    }
}

/// The whole body; reading stops where it passes `bytes_max`.
///
/// Trailers mean nothing to a payment and are left.
pub(super) async fn collect<B>(body: B, bytes_max: usize) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken_off(&*error.into(), bytes_max))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > bytes_max {
            return Err(Problem::too_large(bytes_max));
        }
        // The usual body is one frame, and is not copied.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Zero where the header is absent or nonsense: reading is bounded either way.
fn declared_length(headers: &HeaderMap) -> u64 {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// Mostly nobody reads this answer: the client is gone. But a smaller limit of a layer in front ends a body too.
fn broken_off(error: &(dyn StdError + 'static), bytes_max: usize) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Problem::too_large(bytes_max);
        }
        cause = error.source();
    }
    Problem::malformed_body("the body was not received whole")
}
