//! One request and its answer: what happens between hyper and the service.

use std::{
    convert::Infallible,
    error::Error,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::{sync::Semaphore, time::timeout};
use tower_service::Service;

use super::{
    answer::{Asker, Then},
    body::{RequestBody, TimedOut},
    config::ServerConfig,
    progress::SharedProgress,
    response_body::{BoxError, ResponseBody, UnderWay, panic_message},
    target,
};

/// The service as hyper calls it, for one connection.
#[derive(Debug)]
pub(super) struct Exchange<S> {
    service: S,
    limits: Limits,
    progress: SharedProgress,
}

/// What holds for each request, whatever its connection.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    requests: Arc<Semaphore>,
    headers_max: usize,
    body_deadline: Duration,
    request_deadline: Duration,
}

impl Limits {
    pub(super) fn of(config: &ServerConfig) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(config.requests_max)),
            headers_max: config.headers_max,
            body_deadline: config.body_deadline,
            request_deadline: config.request_deadline,
        }
    }
}

impl<S> Exchange<S> {
    pub(super) const fn new(service: S, limits: Limits, progress: SharedProgress) -> Self {
        Self { service, limits, progress }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Exchange<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<ResponseBody<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut under_way = UnderWay::begin(self.progress.clone());
        let asker = Asker::of(request.version(), request.headers());
        if let Err((status, detail, then)) = self.admit(&request, &mut under_way) {
            tracing::debug!(%status, detail, "request refused");
            let refusal = asker.answer(status, detail, then);
            return Box::pin(async move { Ok(refusal.map(|text| ResponseBody::own(text, under_way))) });
        }

        let service = self.service.clone();
        let limits = (self.limits.body_deadline, self.limits.request_deadline);
        Box::pin(async move {
            Ok(match serve(service, request, asker, limits).await {
                Ok(response) => response.map(|body| ResponseBody::of_service(body, under_way)),
                Err(answer) => answer.map(|text| ResponseBody::own(text, under_way)),
            })
        })
    }
}

impl<S> Exchange<S> {
    /// Decides whether the service gets to see the request.
    fn admit(
        &self,
        request: &Request<Incoming>,
        under_way: &mut UnderWay,
    ) -> Result<(), (StatusCode, &'static str, Then)> {
        target::check(request.method(), request.uri(), request.version(), request.headers())
            .map_err(|refusal| (refusal.status, refusal.detail, Then::Close))?;
        // hyper counts for HTTP/1, and knows no such limit for HTTP/2.
        if request.headers().len() > self.limits.headers_max {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err((status, "the request has too many headers", Then::Close));
        }
        let Ok(permit) = Arc::clone(&self.limits.requests).try_acquire_owned() else {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Err((status, "the server has too many requests under way", Then::GoOn));
        };
        under_way.hold(permit);
        Ok(())
    }
}

/// Runs the service on the request, in time and without a panic. `Err` is the answer in its place.
async fn serve<S, B>(
    mut service: S,
    request: Request<Incoming>,
    asker: Asker,
    (body_deadline, request_deadline): (Duration, Duration),
) -> Result<Response<B>, Response<Bytes>>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Send
        + 'static,
    B: Send + 'static,
{
    let (method, uri) = (request.method().clone(), request.uri().clone());
    // Without its query, which may hold what is nobody's business.
    let path = uri.path();
    let body_timed_out = TimedOut::default();
    let request = request.map(|body| RequestBody::new(body, body_deadline, body_timed_out.clone()));

    let served = async move {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    };
    let (status, detail) = match timeout(request_deadline, AssertUnwindSafe(served).catch_unwind()).await {
        Ok(Ok(Ok(response))) if body_timed_out.is_set() && response.status().is_client_error() => {
            (StatusCode::REQUEST_TIMEOUT, "the request's body was not received in time")
        }
        Ok(Ok(Ok(response))) => return Ok(response),
        Ok(Ok(Err(error))) => {
            let error: BoxError = error.into();
            tracing::error!(%method, path, error = &*error as &(dyn Error + Send + Sync), "service failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "the server failed on the request; it may have taken effect")
        }
        Ok(Err(panic)) => {
            tracing::error!(%method, path, panic = panic_message(&*panic), "service panicked");
            (StatusCode::INTERNAL_SERVER_ERROR, "the server failed on the request; it may have taken effect")
        }
        Err(_elapsed) => {
            tracing::error!(%method, path, within = ?request_deadline, "service did not answer in time");
            (StatusCode::GATEWAY_TIMEOUT, "the request was not answered in time; it may have taken effect")
        }
    };
    Err(asker.answer(status, detail, Then::Close))
}
