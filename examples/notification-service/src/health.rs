//! What an orchestrator asks: is the process alive, and does it do its work.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use payflow_core::{PipelineHealth, PipelineState};

/// Whether the work goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    /// If not, only a restart helps. What waits for Kafka or for a channel goes on all the same: no restart mends those.
    pub(crate) goes_on: bool,
    /// What the pipeline does, once there is one.
    pub(crate) state: Option<PipelineState>,
}

impl Live {
    /// `is_felt`: the task of the work is served. `stops`: the service was told to end.
    pub(crate) fn of(is_felt: bool, pipeline: Option<PipelineHealth>, stops: bool) -> Self {
        let pipeline_goes_on = pipeline.is_none_or(|pipeline| goes_on(pipeline.live, pipeline.state, stops));
        Self { goes_on: is_felt && pipeline_goes_on, state: pipeline.map(|pipeline| pipeline.state) }
    }
}

/// Whether a pipeline is as it should be. At a stop it ends before the calls of others do, which a kill would cut off.
fn goes_on(is_live: bool, state: PipelineState, stops: bool) -> bool {
    is_live || stops && state == PipelineState::Ended
}

/// `GET /livez` and `GET /readyz`: 200 or 503, one word for people, and at `/livez` what the pipeline does.
pub(crate) fn routes(
    live: impl Fn() -> Live + Clone + Send + Sync + 'static,
    ready: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Router {
    let livez = move || async move {
        let Live { goes_on, state } = live();
        let word = if goes_on { "live" } else { "hangs" };
        let text = state.map(|state| format!("{word}: {}", format!("{state:?}").to_lowercase()));
        answer(goes_on, text.unwrap_or_else(|| word.to_owned()))
    };
    let readyz = move || async move {
        let ready = ready();
        answer(ready, if ready { "ready" } else { "not ready" }.to_owned())
    };
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

fn answer(yes: bool, text: String) -> Response {
    let status = if yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // A proxy must not keep yesterday's answer.
    (status, [(CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    /// The status and the text of the answer.
    async fn ask(routes: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        let (status, body) = (answer.status(), to_bytes(answer.into_body(), 1_024).await.unwrap());
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn liveness_and_readiness_are_told_apart_and_never_cached() {
        for (goes_on, ready) in [(true, false), (false, true)] {
            let routes = routes(move || Live { goes_on, state: None }, move || ready);
            let expected = |yes| if yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };

            assert_eq!(ask(&routes, "/livez").await.0, expected(goes_on));
            assert_eq!(ask(&routes, "/readyz").await.0, expected(ready));
        }
    }

    #[test]
    fn pipeline_that_ended_is_live_only_while_the_service_stops() {
        assert!(goes_on(false, PipelineState::Ended, true));
        assert!(!goes_on(false, PipelineState::Ended, false));
        // One that hangs in its stop hangs all the same.
        assert!(!goes_on(false, PipelineState::Stopping, true));
        assert!(goes_on(true, PipelineState::Stopping, true));

        assert!(Live::of(true, None, true).goes_on);
        assert!(!Live::of(false, None, true).goes_on);
    }

    #[tokio::test]
    async fn liveness_names_what_the_pipeline_does() {
        let told =
            async |goes_on, state| ask(&routes(move || Live { goes_on, state }, || true), "/livez").await;

        assert_eq!(told(true, None).await, (StatusCode::OK, "live".to_owned()));
        let idle = Some(PipelineState::Idle);
        assert_eq!(told(true, idle).await, (StatusCode::OK, "live: idle".to_owned()));
        let stalled = Some(PipelineState::Stalled);
        assert_eq!(
            told(false, stalled).await,
            (StatusCode::SERVICE_UNAVAILABLE, "hangs: stalled".to_owned())
        );
    }
}
