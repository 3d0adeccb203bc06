//! Which sends are undecided, so that a flush can wait for those that began before it, and for no other.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// The sends of one producer, in epochs: a flush ends the current one and waits until all that ended are empty.
pub(super) struct Sends {
    state: Mutex<State>,
    emptied: Arc<Notify>,
}

struct State {
    current: Arc<Epoch>,
    /// Epochs that a flush ended; those without a send left are gone.
    ended: Vec<Weak<Epoch>>,
}

/// Held by each send of it until the send is decided.
pub(super) struct Epoch {
    emptied: Arc<Notify>,
}

impl Epoch {
    fn new(emptied: &Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { emptied: Arc::clone(emptied) })
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        self.emptied.notify_waiters();
    }
}

impl Sends {
    pub(super) fn new() -> Self {
        let emptied = Arc::new(Notify::new());
        let state = State { current: Epoch::new(&emptied), ended: Vec::new() };
        Self { state: Mutex::new(state), emptied }
    }

    /// What a send holds until it is decided.
    pub(super) fn begin(&self) -> Arc<Epoch> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.current)
    }

    /// Resolves when every send that began before this call is decided.
    pub(super) async fn settled(&self) {
        let ended = self.end_epoch();
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            // Before the look: an epoch that empties after it wakes this.
            emptied.as_mut().enable();
            if ended.iter().all(|epoch| epoch.strong_count() == 0) {
                return;
            }
            emptied.await;
        }
    }

    fn end_epoch(&self) -> Vec<Weak<Epoch>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut state.current, Epoch::new(&self.emptied));
        state.ended.retain(|epoch| epoch.strong_count() > 0);
        state.ended.push(Arc::downgrade(&old));
        let ended = state.ended.clone();
        // Its last send may have been decided: it is dropped without the lock.
        drop(state);
        drop(old);
        ended
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_flush_waits_for_all_that_began_before_it_and_for_nothing_after() {
        let sends = Sends::new();
        let (first, second) = (sends.begin(), sends.begin());
        let mut early = Box::pin(sends.settled());
        assert!((&mut early).now_or_never().is_none());

        let third = sends.begin();
        let mut late = Box::pin(sends.settled());
        assert!((&mut late).now_or_never().is_none());
        let fourth = sends.begin();

        drop(second);
        assert!((&mut early).now_or_never().is_none());
        drop(first);
        early.await;
        assert!((&mut late).now_or_never().is_none());
        drop(third);
        late.await;
        drop(fourth);
    }

    #[tokio::test]
    async fn a_later_flush_waits_for_what_a_dropped_one_waited_for() {
        let sends = Sends::new();
        let first = sends.begin();
        assert!(sends.settled().now_or_never().is_none());
        let mut second = Box::pin(sends.settled());
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn epochs_do_not_pile_up() {
        let sends = Sends::new();
        for _ in 0..100 {
            drop(sends.begin());
            sends.settled().await;
        }
        assert!(sends.state.lock().unwrap().ended.len() <= 1);
    }

    /// The last send of an epoch may be decided on another thread at the very moment at which a flush looks.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_is_lost_between_threads() {
        let sends = Sends::new();
        for _ in 0..2_000 {
            let begun = sends.begin();
            let decided = tokio::task::spawn_blocking(move || drop(begun));
            sends.settled().await;
            decided.await.unwrap();
        }
    }
}
