//! What holds for each call, whatever its service: its deadline, its form, and the code for what is too large.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method, StatusCode, Version};
use pin_project_lite::pin_project;
use tokio::time::{Timeout, timeout};
use tonic::{Code, Status};
use tower_service::Service;

use crate::answer;

/// How long the client waits.
const TIMEOUT: &str = "grpc-timeout";
const STATUS: &str = "grpc-status";

/// Runs each call of a service until its client's deadline. After it nobody waits for the answer, and what ran is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Calls<S>(pub(crate) S);

impl<S> Service<Request> for Calls<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(response) = refusal(&request) {
            return Answering::Refused { response: Some(response) };
        }
        match client_timeout(request.headers()) {
            Ok(None) => Answering::Unbounded { answer: self.0.call(request) },
            Ok(Some(within)) => Answering::Bounded { answer: timeout(within, self.0.call(request)) },
            Err(status) => Answering::Refused { response: Some(status.into_http()) },
        }
    }
}

pin_project! {
    /// A call under way.
    ///
    /// Written by hand since it is made for each call: axum's middleware clones the service and boxes futures for it.
    #[project = AnsweringProjection]
    pub(crate) enum Answering<F> {
        Refused { response: Option<Response> },
        Unbounded { #[pin] answer: F },
        Bounded { #[pin] answer: Timeout<F> },
    }
}

impl<F, R> Future for Answering<F>
where
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = match self.project() {
            // Nobody polls what is ready a second time.
            AnsweringProjection::Refused { response } => {
                return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
            }
            AnsweringProjection::Unbounded { answer } => Ok(ready!(answer.poll(cx))?),
            AnsweringProjection::Bounded { answer } => ready!(answer.poll(cx)).map(|Ok(answered)| answered),
        };
        Poll::Ready(Ok(answered.map_or_else(
            |_elapsed| answer::outcome_unknown(None).into_http(),
            |response| in_our_words(response.into_response()),
        )))
    }
}

/// What no gRPC client sends is answered by HTTP alone.
fn refusal(request: &Request) -> Option<Response> {
    // An older version would carry the call, and lose its status: the client would repeat what was done.
    if request.version() != Version::HTTP_2 {
        let text = "gRPC needs HTTP/2: use it with prior knowledge, also between a proxy and this server";
        return Some((StatusCode::HTTP_VERSION_NOT_SUPPORTED, text).into_response());
    }
    let content_type = request.headers().get(CONTENT_TYPE);
    let is_grpc = content_type.is_some_and(|value| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+proto") || rest.starts_with(b";"))
    });
    match (request.method(), is_grpc) {
        (&Method::POST, true) => None,
        (&Method::POST, false) => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()),
        // RFC 9110 §15.5.6 demands the methods that there are.
        _ => Some((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")]).into_response()),
    }
}

/// tonic says `OUT_OF_RANGE` to a message beyond its limit; nothing here says it otherwise.
fn in_our_words(mut response: Response) -> Response {
    if response.headers().get(STATUS).is_some_and(|code| code == "11") {
        response.headers_mut().insert(STATUS, HeaderValue::from(Code::ResourceExhausted as i32));
    }
    response
}

/// At most eight digits and a unit.
fn client_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(None);
    };
    let parsed = value.to_str().ok().and_then(parse_timeout);
    parsed.map(Some).ok_or_else(|| answer::invalid_field(TIMEOUT, "must be 1 to 8 digits and a unit"))
}

fn parse_timeout(text: &str) -> Option<Duration> {
    let unit_at = text.len().checked_sub(1)?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_by_the_protocol() {
        for (text, expected) in [
            ("1H", Duration::from_secs(3_600)),
            ("2M", Duration::from_secs(120)),
            ("10S", Duration::from_secs(10)),
            ("100m", Duration::from_millis(100)),
            ("5u", Duration::from_micros(5)),
            ("0n", Duration::ZERO),
            ("99999999H", Duration::from_secs(99_999_999 * 3_600)),
        ] {
            assert_eq!(parse_timeout(text), Some(expected), "{text}");
        }
        for text in ["", "S", "10", "10s", "-1S", "+1S", "1.5S", "123456789S", " 1S", "1é"] {
            assert_eq!(parse_timeout(text), None, "{text:?}");
        }
    }
}
