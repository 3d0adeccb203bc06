//! `POST /pay` in front of other routes.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::IntoResponse;
use axum::routing::future::RouteFuture;
use axum::{BoxError, Error, Router};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use payflow_core::Acceptance;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::pay::{Door, accepted};
use crate::problem::Problem;

/// The routes of a [`PaymentRouter`](crate::PaymentRouter) as a tower service, for a [`Server`](crate::Server): `POST /pay` is answered
/// here, all else by an axum app.
///
/// It answers as [`into_router`](crate::PaymentRouter::into_router) does, and spares each payment the way through axum's routing. Layers
/// go around it as around any tower service; those of the app see no payments.
#[derive(Clone)]
#[must_use]
pub struct PayService {
    door: Arc<Door>,
    app: Router,
}

impl PayService {
    pub(crate) const fn new(door: Arc<Door>, app: Router) -> Self {
        Self { door, app }
    }

    /// Adds routes, as [`Router::merge`] does.
    ///
    /// # Panics
    /// A route of the same path and method is there, or both have a fallback.
    pub fn merge(self, routes: Router) -> Self {
        Self { app: self.app.merge(routes), ..self }
    }
}

impl<B> Service<Request<B>> for PayService
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<PayBody>;
    type Error = Infallible;
    type Future = PayFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // So is the app's router.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> PayFuture {
        if request.uri().path() != PATH || request.method() != Method::POST {
            return PayFuture { answering: Answering::App { answer: Box::pin(self.app.call(request)) } };
        }
        PayFuture { answering: Answering::Pay { taken: Box::pin(self.door.answer(request)) } }
    }
}

impl fmt::Debug for PayService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayService").field("app", &self.app).finish_non_exhaustive()
    }
}

/// Where payments go.
pub(crate) const PATH: &str = "/pay";

pin_project! {
    /// The answer of a [`PayService`], when it is there.
    #[must_use = "it answers when it is polled"]
    pub struct PayFuture {
        #[pin]
        answering: Answering,
    }
}

pin_project! {
    #[project = AnsweringProjection]
    enum Answering {
        // What comes of it is added here, not in a future around it: that would keep room for this one twice.
        Pay { taken: Pin<Box<dyn Future<Output = Result<Acceptance, Problem>> + Send>> },
        // Boxed as well: it would make that of a payment ten times as large to move.
        App { answer: Pin<Box<RouteFuture<Infallible>>> },
    }
}

impl Future for PayFuture {
    type Output = Result<Response<PayBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().answering.project() {
            AnsweringProjection::Pay { taken } => taken.as_mut().poll(cx).map(|taken| {
                Ok(match taken {
                    Ok(acceptance) => accepted(acceptance).map(PayBody::own),
                    Err(problem) => problem.into_response().map(PayBody::of_app),
                })
            }),
            AnsweringProjection::App { answer } => {
                answer.as_mut().poll(cx).map(|Ok(response)| Ok(response.map(PayBody::of_app)))
            }
        }
    }
}

impl fmt::Debug for PayFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// What a [`PayService`] answers.
    #[derive(Debug)]
    pub struct PayBody {
        #[pin]
        source: Source,
    }
}

pin_project! {
    #[project = SourceProjection]
    #[derive(Debug)]
    enum Source {
        Own { bytes: Bytes },
        App { #[pin] body: axum::body::Body },
    }
}

impl PayBody {
    const fn own(bytes: Bytes) -> Self {
        Self { source: Source::Own { bytes } }
    }

    const fn of_app(body: axum::body::Body) -> Self {
        Self { source: Source::App { body } }
    }
}

impl Body for PayBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.project().source.project() {
            SourceProjection::Own { bytes } if bytes.is_empty() => Poll::Ready(None),
            SourceProjection::Own { bytes } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            SourceProjection::App { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own { bytes } => bytes.is_empty(),
            Source::App { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Source::App { body } => body.size_hint(),
        }
    }
}
