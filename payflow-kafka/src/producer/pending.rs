//! A record on its way: librdkafka holds it until it is decided, and somebody waits for that.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use payflow_core::Receipt;
use rdkafka::error::RDKafkaErrorCode;

use super::ages::Turn;
use super::queue::Place;
use super::sends::Epoch;
use crate::health::Seen;
use crate::native::Persisted;

/// What a delivery report says of a record.
pub(super) type Outcome = Result<Receipt, Box<Failure>>;

/// Why a record has no receipt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: RDKafkaErrorCode,
    pub(super) persisted: Persisted,
    /// Why its client can send no more, if so: the code of a record says little about what befell the client.
    pub(super) fatal: Option<(RDKafkaErrorCode, String)>,
}

/// One piece of memory for both sides: what one thread takes and another gives back costs the allocator more than the rest.
pub(super) struct Pending {
    /// Before librdkafka had it.
    pub(super) seen: Seen,
    /// When librdkafka got it.
    pub(super) turn: Turn,
    state: Mutex<State>,
}

struct State {
    outcome: Option<Outcome>,
    waiting: Option<Waker>,
    /// What it holds until it is decided.
    held: Option<(Place, Arc<Epoch>)>,
}

impl Pending {
    pub(super) fn new(seen: Seen, turn: Turn, place: Place, epoch: Arc<Epoch>) -> Arc<Self> {
        let state = State { outcome: None, waiting: None, held: Some((place, epoch)) };
        Arc::new(Self { seen, turn, state: Mutex::new(state) })
    }

    /// Tells the one who waits, if anybody does, before the place is free and a flush may end.
    pub(super) fn resolve(&self, outcome: Outcome) {
        let (waiting, held) = {
            let mut state = self.lock();
            state.outcome = Some(outcome);
            (state.waiting.take(), state.held.take())
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        drop(held);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only moves happen under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of a record, once it is there. Dropped, the record goes on.
pub(super) struct Decided(pub(super) Arc<Pending>);

impl Future for Decided {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.0.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        match &mut state.waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            waiting => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::health::KafkaHealth;
    use crate::producer::ages::Ages;
    use crate::producer::queue::Queue;
    use crate::producer::sends::Sends;

    fn pending(queue: &Queue) -> Arc<Pending> {
        let place = queue.try_enter(1).unwrap();
        Pending::new(KafkaHealth::new().seen(), Ages::new().enter(), place, Sends::new().begin())
    }

    #[tokio::test]
    async fn what_is_decided_frees_its_place_whoever_waits() {
        let queue = Queue::new(1, 1_000, Duration::ZERO);
        for waits in [true, false] {
            let pending = pending(&queue);
            let decided = Decided(Arc::clone(&pending));
            assert!(queue.try_enter(1).is_err());
            let receipt = || Receipt::new(3, 7);
            if waits {
                let decided = tokio::spawn(decided);
                tokio::task::yield_now().await;
                pending.resolve(Ok(receipt()));
                assert_eq!(decided.await.unwrap().unwrap(), receipt());
            } else {
                drop(decided);
                pending.resolve(Ok(receipt()));
            }
            assert!(queue.try_enter(1).is_ok());
        }
    }

    #[tokio::test]
    async fn what_was_decided_before_anybody_looked_is_there() {
        let pending = pending(&Queue::new(1, 1_000, Duration::ZERO));
        let code = RDKafkaErrorCode::PurgeInflight;
        pending.resolve(Err(Box::new(Failure { code, persisted: Persisted::Maybe, fatal: None })));
        let outcome = Decided(pending).now_or_never().unwrap();
        assert_eq!(outcome.unwrap_err().code, code);
    }
}
