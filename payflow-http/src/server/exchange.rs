//! One request and its answer: what happens between hyper and the service.

use std::{
    any::Any,
    convert::Infallible,
    error::Error,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::CatchUnwind};
use http::{Method, Request, Response, StatusCode, Uri, header::CONTENT_LENGTH};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower_service::Service;

use super::{
    answer::{Asker, Then},
    body::{RequestBody, TimedOut},
    config::ServerConfig,
    progress::SharedProgress,
    response_body::{BoxError, ResponseBody, panic_message},
    target,
    timers::{Timer, Timers},
    under_way::UnderWay,
};

/// The service as hyper calls it, for one connection.
#[derive(Debug)]
pub(super) struct Exchange<S> {
    service: S,
    limits: Limits,
    progress: SharedProgress,
    timers: Timers,
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

// The service is never pinned.
impl<S> Unpin for Exchange<S> {}

impl<S> Exchange<S> {
    pub(super) fn new(service: S, limits: Limits, progress: SharedProgress) -> Self {
        Self { service, limits, progress, timers: Timers::default() }
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
        let asker = Asker::of(&request);
        let under_way = match self.admit(&request) {
            Ok(permit) => UnderWay::begin(self.progress.clone(), Some(permit)),
            Err((status, detail, then)) => {
                tracing::debug!(%status, detail, "request refused");
                let under_way = UnderWay::begin(self.progress.clone(), None);
                let refusal = asker.answer(status, detail, then);
                return Box::pin(async move { Ok(refusal.map(|text| ResponseBody::own(text, under_way))) });
            }
        };

        let body_timed_out = TimedOut::default();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let now = Instant::now();
        let body_deadline = now + self.limits.body_deadline;
        let version = request.version();
        let request =
            request.map(|body| RequestBody::new(body, version, body_deadline, body_timed_out.clone()));
        let request_deadline = self.limits.request_deadline;
        let asked = Asked { method, uri, asker, body_timed_out, request_deadline, under_way };
        let served = catch_unwind(AssertUnwindSafe(|| Served::ask(self.service.clone(), request)));
        let failed = match served {
            Ok(Ok(served)) => {
                return Box::pin(Answering {
                    served: AssertUnwindSafe(served).catch_unwind(),
                    deadline: self.timers.start(now + request_deadline),
                    asked: Some(asked),
                });
            }
            Ok(Err(error)) => Ok(Err(error)),
            Err(panic) => Err(panic),
        };
        let answer = asked.answer(Some(failed));
        Box::pin(async move { Ok(answer) })
    }
}

impl<S> Exchange<S> {
    /// Decides whether the service gets to see the request, and takes one of the places for it.
    fn admit(
        &self,
        request: &Request<Incoming>,
    ) -> Result<OwnedSemaphorePermit, (StatusCode, &'static str, Then)> {
        target::check(request.method(), request.uri(), request.version(), request.headers())
            .map_err(|refusal| (refusal.status, refusal.detail, Then::Close))?;
        // h2 lets the same length pass twice; `Framing` does not, over HTTP/1.
        if request.headers().get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
            let status = StatusCode::BAD_REQUEST;
            return Err((status, "the request has more than one Content-Length", Then::Close));
        }
        // hyper counts for HTTP/1, and knows no such limit for HTTP/2.
        if request.headers().len() > self.limits.headers_max {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err((status, "the request has too many headers", Then::Close));
        }
        Arc::clone(&self.limits.requests).try_acquire_owned().map_err(|_no_place| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            (status, "the server has too many requests under way", Then::GoOn)
        })
    }
}

pin_project! {
    /// Runs the service on the request, in time and without a panic, and answers in its place if need be.
    ///
    /// Written by hand since it is made for each request: what an async block moves into another it keeps room for twice.
    struct Answering<S>
    where
        S: Service<Request<RequestBody>>,
    {
        #[pin]
        served: CatchUnwind<AssertUnwindSafe<Served<S, S::Future>>>,
        deadline: Timer,
        asked: Option<Asked>,
    }
}

/// What has to be known of a request once the service has it.
struct Asked {
    method: Method,
    uri: Uri,
    asker: Asker,
    body_timed_out: TimedOut,
    request_deadline: Duration,
    under_way: UnderWay,
}

impl<S, B> Future for Answering<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Output = Result<Response<ResponseBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let served = match this.served.poll(cx) {
            Poll::Ready(served) => Some(served),
            Poll::Pending => {
                ready!(this.deadline.poll(cx));
                None
            }
        };
        // Nobody polls what is ready a second time.
        let Some(asked) = this.asked.take() else { return Poll::Pending };
        Poll::Ready(Ok(asked.answer(served)))
    }
}

/// What became of a request: `None` if its time was over, else what came of the service's code, and of the service.
type Outcome<R, E> = Option<Result<Result<R, E>, Box<dyn Any + Send>>>;

impl Asked {
    fn answer<B, E>(self, served: Outcome<Response<B>, E>) -> Response<ResponseBody<B>>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>>,
        E: Into<BoxError>,
    {
        match self.judge(served) {
            Ok(response) => response.map(|body| ResponseBody::of_service(body, self.under_way)),
            Err((status, detail)) => {
                let answer = self.asker.answer(status, detail, Then::Close);
                answer.map(|text| ResponseBody::own(text, self.under_way))
            }
        }
    }

    /// `Err` is what to answer in the service's place.
    fn judge<B, E: Into<BoxError>>(
        &self,
        served: Outcome<Response<B>, E>,
    ) -> Result<Response<B>, (StatusCode, &'static str)> {
        // Without its query, which may hold what is nobody's business.
        let (method, path) = (&self.method, self.uri.path());
        Err(match served {
            Some(Ok(Ok(response))) if self.body_timed_out.is_set() && response.status().is_client_error() => {
                (StatusCode::REQUEST_TIMEOUT, "the request's body was not received in time")
            }
            Some(Ok(Ok(response))) => return Ok(response),
            Some(Ok(Err(error))) => {
                let error: BoxError = error.into();
                tracing::error!(%method, path, error = &*error as &(dyn Error + Send + Sync), "service failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the server failed on the request; it may have taken effect",
                )
            }
            Some(Err(panic)) => {
                tracing::error!(%method, path, panic = panic_message(&*panic), "service panicked");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the server failed on the request; it may have taken effect",
                )
            }
            None => {
                let within = self.request_deadline;
                tracing::error!(%method, path, ?within, "service did not answer in time");
                (
                    StatusCode::GATEWAY_TIMEOUT,
                    "the request was not answered in time; it may have taken effect",
                )
            }
        })
    }
}

pin_project! {
    /// The service's answer to a request, once the service is ready for it.
    #[project = ServedProjection]
    enum Served<S, F> {
        Asked { asked: Box<(S, Option<Request<RequestBody>>)> },
        Answering { #[pin] answer: F },
    }
}

impl<S: Service<Request<RequestBody>>> Served<S, S::Future> {
    /// Nearly every service is ready at once: then the request, which is large, is not moved into the future and out of it again.
    fn ask(mut service: S, request: Request<RequestBody>) -> Result<Self, S::Error> {
        // Who has to wait is asked again by the task that is to be woken.
        Ok(match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ready) => {
                ready?;
                Self::Answering { answer: service.call(request) }
            }
            Poll::Pending => Self::Asked { asked: Box::new((service, Some(request))) },
        })
    }
}

impl<S: Service<Request<RequestBody>>> Future for Served<S, S::Future> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let answer = match self.as_mut().project() {
                ServedProjection::Asked { asked } => {
                    let (service, request) = &mut **asked;
                    ready!(service.poll_ready(cx))?;
                    // It is there until the service is called.
                    let Some(request) = request.take() else { return Poll::Pending };
                    service.call(request)
                }
                ServedProjection::Answering { answer } => return answer.poll(cx),
            };
            self.set(Self::Answering { answer });
        }
    }
}
