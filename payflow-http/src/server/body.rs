//! The body of a request, with its deadline.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

/// The body of a request that a [`Server`](crate::Server) hands to its service: a stream of `Bytes` and, at the end,
/// trailers.
///
/// It ends with an error when the client was too slow, broke off, or broke the rules of its framing; what came before
/// is then not a whole body. It is read no faster than it is polled.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    /// `None` if there is no body to wait for.
    deadline: Option<Pin<Box<Sleep>>>,
    timed_out: TimedOut,
}

/// Why a request's body is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
    /// It was not received within [`ServerConfig::with_body_deadline`](crate::ServerConfig::with_body_deadline).
    #[error("request body was not received within its deadline")]
    TimedOut,
    /// The connection broke, or the framing of the body is malformed.
    #[error("request body is broken off or malformed")]
    Incomplete(#[source] hyper::Error),
}

/// Tells whoever answers the request that its body came too late.
#[derive(Clone, Debug, Default)]
pub(super) struct TimedOut(Arc<AtomicBool>);

impl TimedOut {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, deadline: Duration, timed_out: TimedOut) -> Self {
        let deadline = (!incoming.is_end_stream()).then(|| Box::pin(sleep(deadline)));
        Self { incoming, deadline, timed_out }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        // Before the frames, or a client that sends a byte now and then would never be late.
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.timed_out.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(RequestBodyError::TimedOut)));
        }
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.incoming.is_end_stream() {
            self.deadline = None;
        }
        polled.map_err(RequestBodyError::Incomplete)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
