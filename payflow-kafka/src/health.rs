//! Whether a client reaches its cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether a client reaches a broker of its cluster. Cheap to clone; all clones tell of the same client.
///
/// A client starts as not connected. It is connected once a broker has answered, and no longer when its last connection
/// is down; then the brokers are asked about once a second until one answers. A client that failed for good, as
/// [`Fatal`](payflow_core::Fault::Fatal), stays not connected.
#[derive(Debug, Clone)]
pub struct KafkaHealth(Arc<AtomicUsize>);

impl KafkaHealth {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    /// Whether a broker answered since all connections were last down.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.load(Ordering::Acquire) & (CONNECTED | ENDED) == CONNECTED
    }

    /// The client cannot be used any more.
    pub(crate) fn end(&self) {
        self.0.fetch_or(ENDED, Ordering::AcqRel);
    }

    /// Whether the client cannot be used any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire) & ENDED != 0
    }

    /// What the thread that serves the client's events has learned from one. Tells whether that is news.
    pub(crate) fn set_connected(&self, connected: bool) -> bool {
        if !connected {
            let down = |state: usize| Some((state & !CONNECTED).wrapping_add(LOSS));
            let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, down);
            return before.is_ok_and(|state| state & CONNECTED != 0);
        }
        // Looked at first: this comes with every delivery, and a write would take the cache line from others.
        !self.is_connected() && self.0.fetch_or(CONNECTED, Ordering::AcqRel) & CONNECTED == 0
    }

    /// What was known before a broker was asked, for [`connected_as_of`](Self::connected_as_of).
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    /// A broker has answered what was asked after `seen`. Changes nothing if the connections were lost since: the loss
    /// may be younger than the answer.
    pub(crate) fn connected_as_of(&self, seen: Seen) {
        let connected = seen.0 | CONNECTED;
        let _ = self.0.compare_exchange(seen.0, connected, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// What was known of a connection at some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(usize);

/// The two lowest bits; those above count the losses.
const CONNECTED: usize = 1;
const ENDED: usize = 2;
const LOSS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_older_than_a_loss_counts_for_nothing() {
        let health = KafkaHealth::new();
        assert!(!health.is_connected());
        let seen = health.seen();
        health.connected_as_of(seen);
        assert!(health.is_connected());

        assert!(health.set_connected(false));
        let seen = health.seen();
        assert!(!health.set_connected(false));
        health.connected_as_of(seen);
        assert!(!health.is_connected());
        assert!(health.set_connected(true));
        assert!(health.is_connected());
    }

    #[test]
    fn a_client_that_ended_is_never_connected_again() {
        let health = KafkaHealth::new();
        health.set_connected(true);
        health.end();
        assert!(health.has_ended() && !health.is_connected());
        health.set_connected(true);
        health.connected_as_of(health.seen());
        assert!(!health.is_connected());
    }
}
