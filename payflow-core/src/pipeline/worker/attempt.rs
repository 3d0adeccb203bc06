//! One attempt: decode and handle, or publish a dead letter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::error;

use super::publication::Publication;
use super::sparse::Sparse;
use crate::codec::{Codec, DecodeError};
use crate::consumer::Delivery;
use crate::error::{Error, Fault};
use crate::handler::{Handler, Message};
use crate::pipeline::dead_letter::DeadLetters;
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
    pub(in crate::pipeline) const fn new(codec: C, handler: H, dead_letters: DeadLetters) -> Self {
        Self {
            codec,
            handler,
            publication: Publication::new(dead_letters),
            unusable: Sparse::new(LOG_INTERVAL),
        }
    }

    /// One future with as little in it as can be: it is moved into its seat for every attempt.
    pub(super) async fn perform<T>(&self, work: Work, delivery: Arc<Delivery>) -> Outcome
    where
        T: Send,
        C: Codec<T>,
        H: Handler<T>,
    {
        let attempt = match work {
            Work::Handle { attempt } => attempt,
            // Boxed: it is rare, and large.
            Work::DeadLetter(verdict) => {
                return Box::pin(self.publication.publish(delivery, verdict)).await;
            }
        };
        let Some(value) = &delivery.value else {
            return Outcome::Skipped;
        };
        let body = match self.codec.decode(value, &delivery.headers) {
            Ok(body) => body,
            Err(error) => return Outcome::Failed(Box::new(undecodable(&error))),
        };
        match self.handler.handle(Message::shared(body, delivery, attempt)).await {
            Ok(()) => Outcome::Handled,
            Err(error) => Outcome::Failed(Box::new(self.failed(&error))),
        }
    }

    /// Where the handler would turn to with it.
    pub(super) fn destination<T>(&self, delivery: &Delivery) -> &'static str
    where
        H: Handler<T>,
    {
        self.handler.destination(delivery)
    }

    fn failed(&self, error: &Error) -> Failure {
        let reason = error.chain();
        if error.fault() == Fault::Fatal
            && let Some(unlogged) = self.unusable.admit(now())
        {
            error!(error = reason, unlogged, "handler's client is unusable: its records are dead-lettered");
        }
        Failure { fault: error.fault(), counts_attempt: error.counts_attempt(), stage: "handler", reason }
    }
}

/// At most one line of a kind in this time.
pub(super) const LOG_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn undecodable(error: &DecodeError) -> Failure {
    Failure { fault: Fault::Permanent, counts_attempt: true, stage: "decode", reason: error.to_string() }
}
