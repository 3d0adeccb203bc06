//! Whether a client reaches its cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a client reaches a broker of its cluster. Cheap to clone; all clones tell of the same client.
///
/// A client starts as not connected. It is connected once a broker has answered, and no longer when its last connection
/// is down; then the brokers are asked about once a second until one answers. So does one that takes over from another,
/// as a producer's does when a record is late. A client that failed for good, as [`Fatal`](payflow_core::Fault::Fatal),
/// stays not connected.
#[derive(Debug, Clone)]
pub struct KafkaHealth(Arc<AtomicU64>);

impl KafkaHealth {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
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
        // Looked at first: this comes with every delivery, and a write would take the cache line from others.
        if connected && self.is_connected() {
            return false;
        }
        let change = |state: u64| Some(if connected { gained(state) } else { lost(state) });
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
        before.is_ok_and(|state| (state & CONNECTED != 0) != connected)
    }

    /// What is known now.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    /// A broker has answered what was asked after `seen`. Changes nothing if the connections were lost since: the loss
    /// may be younger than the answer.
    pub(crate) fn connected_as_of(&self, seen: Seen) {
        let _ = self.0.compare_exchange(seen.0, gained(seen.0), Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether a broker was reached at any time from `seen` until now.
    pub(crate) fn was_connected_since(&self, seen: Seen) -> bool {
        let connects = |state: u64| state & (LOSS - 1) & !ENDED;
        seen.0 & CONNECTED != 0 || connects(self.0.load(Ordering::Acquire)) != connects(seen.0)
    }
}

/// What was known of a connection at some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(u64);

const fn gained(state: u64) -> u64 {
    if state & CONNECTED == 0 { (state | CONNECTED).wrapping_add(CONNECT) } else { state }
}

const fn lost(state: u64) -> u64 {
    (state & !CONNECTED).wrapping_add(LOSS)
}

/// Two bits; then how often a connection was gained, up to bit 31; then how often the last one was lost.
const CONNECTED: u64 = 1;
const ENDED: u64 = 1 << 1;
const CONNECT: u64 = 1 << 2;
const LOSS: u64 = 1 << 32;

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
    fn a_connection_in_between_is_not_forgotten() {
        let health = KafkaHealth::new();
        let before = health.seen();
        assert!(!health.was_connected_since(before));
        health.set_connected(false);
        assert!(!health.was_connected_since(before), "it was down already");

        health.connected_as_of(health.seen());
        assert!(health.was_connected_since(before));
        let during = health.seen();
        health.set_connected(false);
        assert!(health.was_connected_since(before) && health.was_connected_since(during));

        let after = health.seen();
        health.end();
        assert!(!health.was_connected_since(after));
        health.set_connected(true);
        assert!(health.was_connected_since(after));
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
