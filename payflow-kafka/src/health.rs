//! Whether a client reaches its cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a client reaches a broker of its cluster. Cheap to clone; all clones tell of the same client.
///
/// A client starts as not connected. It is connected once a broker has answered, and no longer when its last connection
/// is down; then the brokers are asked about once a second until one answers. So does one that takes over from another,
/// as a producer's does when a record is late. A client that failed for good, as [`Fatal`](payflow_core::Fault::Fatal),
/// stays not connected, and [`has_ended`](Self::has_ended).
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

    /// Whether the client failed for good: it reaches no broker ever again, and only a new one helps. The log has the cause.
    ///
    /// Once that is so it stays so: whoever looks now and then misses nothing. A service whose producer has ended should
    /// drain and end with an error, so that it is started anew; a pipeline ends by itself when its consumer has.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire) & ENDED != 0
    }

    /// The client cannot be used any more.
    pub(crate) fn end(&self) {
        self.0.fetch_or(ENDED, Ordering::AcqRel);
    }

    /// What the thread that serves the client's events has learned from one. Tells whether that is news.
    pub(crate) fn set_connected(&self, connected: bool) -> bool {
        // Looked at first: this comes with every delivery, and a write would take the cache line from others.
        if connected && self.is_connected() {
            return false;
        }
        let before = self.change(if connected { gained } else { lost });
        (before & CONNECTED != 0) != connected
    }

    /// What is known now.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    /// A broker has answered what was asked after `seen`. No connection if they were lost since: the loss may be younger than
    /// the answer. But a broker was reached.
    pub(crate) fn connected_as_of(&self, seen: Seen) {
        self.change(|state| if losses(state) == losses(seen.0) { gained(state) } else { reached(state) });
    }

    /// A broker has answered a client that another one replaces, which is not connected by that.
    pub(crate) fn reached(&self) {
        self.change(reached);
    }

    /// Whether a broker was reached at any time from `seen` until now.
    pub(crate) fn was_connected_since(&self, seen: Seen) -> bool {
        let connects = |state: u64| state & (LOSS - 1) & !ENDED;
        seen.0 & CONNECTED != 0 || connects(self.0.load(Ordering::Acquire)) != connects(seen.0)
    }

    /// Tells what was there before.
    fn change(&self, change: impl Fn(u64) -> u64) -> u64 {
        // Both arms hold that; the second is never taken.
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some(change(state))) {
            Ok(before) | Err(before) => before,
        }
    }
}

/// What was known of a connection at some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(u64);

/// Nothing new while it is connected.
const fn reached(state: u64) -> u64 {
    let connects = state.wrapping_add(CONNECT) & CONNECTS;
    if state & CONNECTED == 0 { (state & !CONNECTS) | connects } else { state }
}

const fn gained(state: u64) -> u64 {
    reached(state) | CONNECTED
}

const fn lost(state: u64) -> u64 {
    (state & !CONNECTED).wrapping_add(LOSS)
}

const fn losses(state: u64) -> u64 {
    state / LOSS
}

/// Two bits; then how often a broker was reached that was not known, up to bit 31; then how often the last connection was
/// lost.
const CONNECTED: u64 = 1;
const ENDED: u64 = 1 << 1;
const CONNECT: u64 = 1 << 2;
const LOSS: u64 = 1 << 32;
const CONNECTS: u64 = LOSS - CONNECT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_older_than_a_loss_is_no_connection() {
        let health = KafkaHealth::new();
        assert!(!health.is_connected());
        let seen = health.seen();
        health.connected_as_of(seen);
        assert!(health.is_connected());

        assert!(health.set_connected(false));
        let seen = health.seen();
        assert!(!health.set_connected(false));
        health.connected_as_of(seen);
        assert!(!health.is_connected() && health.was_connected_since(seen));
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
    fn a_broker_that_another_client_reached_is_known_and_no_connection() {
        let health = KafkaHealth::new();
        let before = health.seen();
        health.reached();
        assert!(!health.is_connected() && health.was_connected_since(before));
        let after = health.seen();
        assert!(!health.was_connected_since(after));

        health.reached();
        health.connected_as_of(after);
        assert!(health.is_connected(), "it does not make an answer old");
    }

    #[test]
    fn how_often_a_broker_was_reached_runs_over_into_nothing_else() {
        let state = reached(CONNECTS | LOSS | ENDED);
        assert_eq!(state, LOSS | ENDED);
        assert_eq!(gained(CONNECTS), CONNECTED);
    }

    #[test]
    fn a_client_that_ended_is_never_connected_again() {
        let health = KafkaHealth::new();
        health.set_connected(true);
        health.set_connected(false);
        assert!(!health.has_ended(), "an outage passes");
        health.set_connected(true);
        health.end();
        assert!(health.has_ended() && !health.is_connected());
        health.set_connected(true);
        health.connected_as_of(health.seen());
        assert!(health.has_ended() && !health.is_connected());
    }
}
