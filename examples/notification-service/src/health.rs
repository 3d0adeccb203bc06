//! What an orchestrator asks: is the process alive, and does it do its work.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CACHE_CONTROL;

/// `GET /livez` and `GET /readyz`: 200 or 503, and one word for people.
pub(crate) fn routes(
    live: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ready: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Router {
    Router::new()
        .route("/livez", get(move || async move { answer(live(), "live", "hangs") }))
        .route("/readyz", get(move || async move { answer(ready(), "ready", "not ready") }))
}

fn answer(yes: bool, good: &'static str, bad: &'static str) -> Response {
    let (status, word) = if yes { (StatusCode::OK, good) } else { (StatusCode::SERVICE_UNAVAILABLE, bad) };
    // A proxy must not keep yesterday's answer.
    (status, [(CACHE_CONTROL, "no-store")], word).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn liveness_and_readiness_are_told_apart_and_never_cached() {
        for (live, ready) in [(true, false), (false, true)] {
            let routes = routes(move || live, move || ready);
            let status = async |path: &str| {
                let request = Request::get(path).body(Body::empty()).unwrap();
                let answer = routes.clone().oneshot(request).await.unwrap();
                assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
                answer.status()
            };
            let expected = |yes| if yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };

            assert_eq!(status("/livez").await, expected(live));
            assert_eq!(status("/readyz").await, expected(ready));
        }
    }
}
