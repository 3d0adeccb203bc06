//! What an orchestrator asks: is the process alive, and may it be given traffic.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;

use crate::problem::Problem;

/// The process answers, and that is all that liveness claims: a restart would not cure what is away elsewhere.
pub(crate) fn live() -> Response {
    fresh("live")
}

pub(crate) fn ready(ready: bool) -> Response {
    if ready { fresh("ready") } else { fresh(Problem::not_ready()) }
}

/// A proxy must not keep yesterday's answer.
fn fresh(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
