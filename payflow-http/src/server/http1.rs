//! A connection of HTTP/1 that closes with care, whatever its client asked for.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::Body;
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::rt::TokioIo;

use super::{response_body::BoxError, transport::Transport};

/// hyper's connection, which sends what it has and shuts its transport down also where it is to be upgraded.
///
/// hyper keeps an `Upgrade`, taken or not, until the connection ends, and leaves it then as it is to whoever upgrades. Here
/// nobody does: the end of an answer would be lost in its buffer, and a client that still sends would meet a reset.
pub(super) struct Http1<S: HttpService<Incoming>> {
    connection: http1::Connection<TokioIo<Transport>, S>,
    /// How HTTP ended. Then the closing is left.
    ended: Option<hyper::Result<()>>,
}

impl<S, B> Http1<S>
where
    S: HttpService<Incoming, ResBody = B, Error: Into<BoxError>>,
    B: Body<Error: Into<BoxError>> + 'static,
{
    pub(super) const fn new(connection: http1::Connection<TokioIo<Transport>, S>) -> Self {
        Self { connection, ended: None }
    }

    /// Lets the request under way finish, and takes no more.
    pub(super) fn graceful_shutdown(mut self: Pin<&mut Self>) {
        Pin::new(&mut self.connection).graceful_shutdown();
    }
}

impl<S, B> Future for Http1<S>
where
    S: HttpService<Incoming, ResBody = B, Error: Into<BoxError>, Future: Unpin> + Unpin,
    B: Body<Error: Into<BoxError>> + 'static,
{
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        if self.ended.is_none() {
            let ended = ready!(self.connection.poll_without_shutdown(cx));
            if ended.as_ref().is_err_and(|error| !was_answered(error)) {
                return Poll::Ready(ended);
            }
            self.ended = Some(ended);
        }
        // It has forgotten the upgrade, and closes as any other.
        ready!(Pin::new(&mut self.connection).poll(cx))?;
        Poll::Ready(self.ended.take().unwrap_or(Ok(())))
    }
}

/// Whether hyper has answered by itself: 400 and the like to a head that it cannot read, 500 for a head that it cannot write.
/// After all other errors it must not go on: it would end an answer that broke off as if it were whole.
fn was_answered(error: &hyper::Error) -> bool {
    error.is_parse() || (error.is_user() && error.source().is_none())
}
