//! One attempt: decode and handle, or publish a dead letter.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;
use tracing::error;

use super::publication::Publication;
use super::sparse::Sparse;
use crate::codec::{Codec, DecodeError};
use crate::consumer::Delivery;
use crate::error::{Error, Fault};
use crate::handler::{Handler, Message};
use crate::pipeline::dead_letter::DeadLetters;
use crate::pipeline::events::Listener;
use crate::pipeline::seldom::Seldom;
use crate::pipeline::shard::{Failure, Outcome, Work};

/// What attempts are made of; shared by all shards.
#[derive(Debug)]
pub(in crate::pipeline) struct Attempts<C, H> {
    codec: C,
    handler: H,
    publication: Publication,
    unusable: Sparse,
}

impl<C, H> Attempts<C, H> {
    pub(in crate::pipeline) const fn new(
        codec: C,
        handler: H,
        dead_letters: DeadLetters,
        listener: Listener,
    ) -> Self {
        Self {
            codec,
            handler,
            publication: Publication::new(dead_letters, listener),
            unusable: Sparse::new(LOG_INTERVAL),
        }
    }

    /// Decodes, and begins to handle. Codec and handler may panic here as well as when it is polled.
    #[inline]
    pub(super) fn perform<T>(
        &self,
        work: Work,
        delivery: Arc<Delivery>,
    ) -> Attempt<'_, impl Future<Output = Result<(), Error>> + Send>
    where
        T: Send,
        C: Codec<T>,
        H: Handler<T>,
    {
        let attempt = match work {
            Work::Handle { attempt } => attempt,
            Work::DeadLetter(verdict) => {
                return Attempt::Publishing {
                    publishing: Seldom::some(Box::pin(self.publication.publish(delivery, verdict))),
                };
            }
        };
        let Some(value) = delivery.value() else {
            return Attempt::Ended { outcome: Seldom::some(Outcome::Skipped) };
        };
        match self.codec.decode(value, delivery.headers()) {
            Ok(body) => Attempt::Handling {
                handling: self.handler.handle(Message::shared(body, delivery, attempt)),
                unusable: &self.unusable,
            },
            Err(error) => {
                Attempt::Ended { outcome: Seldom::some(Outcome::Failed(Box::new(undecodable(&error)))) }
            }
        }
    }

    /// Where the handler would turn to with it.
    pub(super) fn destination<T>(&self, delivery: &Delivery) -> &'static str
    where
        H: Handler<T>,
    {
        self.handler.destination(delivery)
    }
}

pin_project! {
    /// An attempt under way. Written by hand, since it is moved into its seat each time: a compiled one would hold the handler's
    /// future and what that is made of side by side.
    #[project = AttemptProjection]
    pub(super) enum Attempt<'a, F> {
        Handling {
            #[pin]
            handling: F,
            unusable: &'a Sparse,
        },
        /// Boxed: it is rare, and large.
        Publishing {
            publishing: Seldom<BoxFuture<'a, Outcome>>,
        },
        /// Present until it is polled.
        Ended {
            outcome: Seldom<Outcome>,
        },
    }
}

impl<F: Future<Output = Result<(), Error>>> Future for Attempt<'_, F> {
    type Output = Outcome;

    // Always: for each message, from one place, and the compiler is of two minds about it.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        match self.project() {
            AttemptProjection::Handling { handling, unusable } => {
                Poll::Ready(match ready!(handling.poll(cx)) {
                    Ok(()) => Outcome::Handled,
                    Err(error) => failed(&error, unusable),
                })
            }
            AttemptProjection::Publishing { publishing } => {
                publishing.as_mut().map_or(Poll::Pending, |publishing| publishing.as_mut().poll(cx))
            }
            AttemptProjection::Ended { outcome } => outcome.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

#[cold]
fn failed(error: &Error, unusable: &Sparse) -> Outcome {
    let reason = error.chain();
    if error.fault() == Fault::Fatal
        && let Some(unlogged) = unusable.admit(now())
    {
        error!(error = reason, unlogged, "handler's client is unusable: its records are dead-lettered");
    }
    let failure = Failure::new(error.fault(), "handler", reason);
    Outcome::Failed(Box::new(Failure { counts_attempt: error.counts_attempt(), ..failure }))
}

/// At most one line of a kind in this time.
pub(super) const LOG_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn undecodable(error: &DecodeError) -> Failure {
    Failure::new(Fault::Permanent, "decode", error.to_string())
}
