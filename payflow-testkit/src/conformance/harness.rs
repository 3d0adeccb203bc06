//! What an adapter's author supplies: ways to open its clients, and what is claimed for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Consumer, NotificationId, Notifier, Producer, Topic};

use super::capabilities::Capabilities;

/// Opens the clients of a transport for the cases, each of which has a harness, a topic and groups of its own.
///
/// What cannot be opened or set up panics with the reason: it is a fault of the surroundings, not of the adapter.
#[async_trait]
pub trait Harness: Send + Sync {
    /// What is claimed beyond what every adapter must do.
    fn capabilities(&self) -> Capabilities;

    /// How long things may take.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// A topic that no other case has seen (see [`fresh_name`]), empty, ready for sends and groups.
    ///
    /// More than one partition is asked for only where [`Partitions`](super::Capability::Partitions) is claimed.
    async fn topic(&self, partitions: i32) -> Topic;

    /// A new producer.
    async fn producer(&self) -> Arc<dyn Producer>;

    /// A new consumer of `group` on this one topic. A group that has never committed begins at the oldest record.
    async fn consumer(&self, group: &str, topic: &Topic) -> Box<dyn Consumer>;

    /// Ends a topic for good: nothing will be sent to it any more. Called where
    /// [`FiniteSource`](super::Capability::FiniteSource) is claimed.
    async fn end(&self, topic: &Topic) {
        unimplemented!("the harness claims `FiniteSource`, so it must end {topic}")
    }

    /// Interrupts the transport under its open clients and brings it back: a broker is restarted, connections are cut.
    /// Called where [`Interruptions`](super::Capability::Interruptions) is claimed.
    async fn interrupt(&self) {
        unimplemented!("the harness claims `Interruptions`, so it must interrupt the transport")
    }

    /// Removes what the case left behind. Called after each case, whether it passed or not.
    async fn clean_up(&self) {}
}

/// How long things may take, and how large an oversized record is. Plain data; start from `Limits::default()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A case that has not ended by then has failed. Default 60 s.
    pub case: Duration,
    /// How long nothing must happen for it to count as nothing. A sound adapter passes whatever this is; a broken one
    /// is caught only if it acts within it. Default 200 ms.
    pub quiet: Duration,
    /// How long a member may hold its deliveries before a careless adapter would lose its membership (Kafka's
    /// `max.poll.interval.ms` and `session.timeout.ms`). Must be well below [`case`](Self::case). Default 1 s.
    ///
    /// What a closed member leaves must be with the next within half of it, or a second where that is more: keep it below
    /// twice the session timeout less the heartbeats' interval, so that a member that leaves is told from one that is missed.
    /// A revoking partition must be with the next member within a quarter of it, or a second, of its deadline.
    pub membership: Duration,
    /// The value of a record that is surely refused, in bytes. Default 32 MiB.
    pub oversized_bytes: usize,
}

impl Limits {
    /// How soon what a closed member leaves must be with the next.
    pub(crate) fn leaving(&self) -> Duration {
        // Less would tell of a busy machine.
        (self.membership / 2).max(Duration::from_secs(1))
    }

    /// How soon after its deadline a revoking partition must be with the next member.
    pub(crate) fn handing_over(&self) -> Duration {
        (self.membership / 4).max(Duration::from_secs(1))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            case: Duration::from_secs(60),
            quiet: Duration::from_millis(200),
            membership: Duration::from_secs(1),
            oversized_bytes: 32 << 20,
        }
    }
}

/// Opens notifiers, and tells what reached the other side.
#[async_trait]
pub trait NotifierHarness: Send + Sync {
    /// What is claimed beyond what every notifier must do.
    fn capabilities(&self) -> Capabilities;

    /// How long things may take.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// A notifier whose other side is this harness.
    async fn notifier(&self) -> Arc<dyn Notifier>;

    /// What the other side has taken so far, in the order in which it came.
    async fn arrived(&self) -> Vec<Arrived>;

    /// Makes the other side refuse the next `times` notifications in a way that the notifier should report as
    /// [`Transient`](payflow_core::Fault::Transient). Called where [`Refusals`](super::Capability::Refusals) is claimed.
    async fn refuse_next(&self, times: usize) {
        unimplemented!("the harness claims `Refusals`, so it must refuse the next {times}")
    }

    /// Removes what the case left behind. Called after each case, whether it passed or not.
    async fn clean_up(&self) {}
}

/// A notification as the other side saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Whom it was for.
    pub user_id: String,
    /// What it said.
    pub message: String,
    /// Its id, where [`NotificationIds`](super::Capability::NotificationIds) is claimed.
    pub id: Option<NotificationId>,
}

/// A name that no other case, process or machine uses: `prefix`, and a UUIDv7 with a counter.
#[must_use]
pub fn fresh_name(prefix: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{count}", uuid::Uuid::now_v7().simple())
}
