//! The body of a request, with its deadline.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of a request that a [`Server`](crate::Server) hands to its service: a stream of `Bytes` and, at the end,
/// trailers.
///
/// It ends with an error when the client was too slow, broke off, or broke the rules of its framing; what came before
/// is then not a whole body. It is read no faster than it is polled.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    /// Over HTTP/2 alone hyper can say whether the end that it reached is the client's.
    is_http2: bool,
    deadline: Deadline,
    timed_out: TimedOut,
}

/// When the body has to be there.
#[derive(Debug)]
enum Deadline {
    /// It is, or nothing more will come.
    Over,
    /// Nobody had to wait for it yet: most bodies come with their head.
    Untimed {
        until: Instant,
        polled: bool,
    },
    Timed(Pin<Box<Sleep>>),
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
    /// An HTTP/2 stream or its connection was ended without an error code, and before the end of the body.
    #[error("request body is broken off")]
    BrokenOff,
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
    pub(super) fn new(incoming: Incoming, version: Version, until: Instant, timed_out: TimedOut) -> Self {
        let deadline = if incoming.is_end_stream() {
            Deadline::Over
        } else {
            Deadline::Untimed { until, polled: false }
        };
        Self { incoming, is_http2: version == Version::HTTP_2, deadline, timed_out }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.deadline {
            Deadline::Over => Poll::Pending,
            Deadline::Untimed { until, polled } => {
                // What is there at the first look came with the head, or before anybody asked.
                let is_first = !std::mem::replace(polled, true);
                if is_first || Instant::now() < *until { Poll::Pending } else { Poll::Ready(()) }
            }
            Deadline::Timed(timer) => timer.as_mut().poll(cx),
        }
    }

    /// From now on it is waited for.
    fn time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Deadline::Untimed { until, .. } = self.deadline else { return Poll::Pending };
        let mut timer = Box::pin(sleep_until(until));
        let elapsed = timer.as_mut().poll(cx);
        self.deadline = Deadline::Timed(timer);
        elapsed
    }

    fn time_out(&mut self) -> RequestBodyError {
        self.timed_out.0.store(true, Ordering::Relaxed);
        RequestBodyError::TimedOut
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
        if self.poll_deadline(cx).is_ready() {
            return Poll::Ready(Some(Err(self.time_out())));
        }
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_pending() {
            return self.time(cx).map(|()| Some(Err(self.time_out())));
        }
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.incoming.is_end_stream() {
            self.deadline = Deadline::Over;
        }
        // To hyper a reset with NO_ERROR is an end like any other. It is what a client may get for a request, not what it may
        // send for one (RFC 9113 §8.1).
        if self.is_http2 && matches!(polled, Poll::Ready(None)) && !self.incoming.is_end_stream() {
            return Poll::Ready(Some(Err(RequestBodyError::BrokenOff)));
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
