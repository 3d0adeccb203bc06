//! Settings of a cluster in memory.

use std::time::Duration;

use crate::consumer::RebalanceProtocol;

/// Far more than any of these needs, and little enough to add to a point in time.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Settings of a [`MemoryCluster`](crate::MemoryCluster).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryConfig {
    pub(super) protocol: RebalanceProtocol,
    pub(super) revoke_timeout: Duration,
    pub(super) session_timeout: Option<Duration>,
    pub(super) capacity_bytes: usize,
    pub(super) commit_latency: Duration,
}

impl MemoryConfig {
    /// The default of [`with_revoke_timeout`](Self::with_revoke_timeout).
    pub const REVOKE_TIMEOUT: Duration = Duration::from_secs(5);
    /// The default of [`with_capacity_bytes`](Self::with_capacity_bytes).
    pub const CAPACITY_BYTES: usize = 256 << 20;

    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            protocol: RebalanceProtocol::Cooperative,
            revoke_timeout: Self::REVOKE_TIMEOUT,
            session_timeout: None,
            capacity_bytes: Self::CAPACITY_BYTES,
            commit_latency: Duration::ZERO,
        }
    }

    /// How groups rebalance. Default [`Cooperative`](RebalanceProtocol::Cooperative).
    #[must_use]
    pub const fn with_protocol(mut self, protocol: RebalanceProtocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How long a member may keep a partition that is asked back, at most a day. Default 5 s, the time running handlers
    /// get.
    #[must_use]
    pub fn with_revoke_timeout(mut self, revoke_timeout: Duration) -> Self {
        self.revoke_timeout = revoke_timeout.min(DAY);
        self
    }

    /// How long a member may go without a receive before it is expelled, 10 ms to a day; `None`, the default, is for
    /// ever. A receive that waits counts all the while.
    #[must_use]
    pub fn with_session_timeout(mut self, session_timeout: Option<Duration>) -> Self {
        self.session_timeout = session_timeout.map(|timeout| timeout.clamp(Duration::from_millis(10), DAY));
        self
    }

    /// How much all topics together may hold: keys, values, headers, and 128 bytes a record. Default 256 MiB.
    ///
    /// When it is reached, what every group of a topic has committed is deleted; if that is not enough, sends fail as
    /// [`Transient`](crate::Fault::Transient). A topic that no group reads keeps everything.
    #[must_use]
    pub const fn with_capacity_bytes(mut self, capacity_bytes: usize) -> Self {
        self.capacity_bytes = capacity_bytes;
        self
    }

    /// How long a commit takes, as a broker's round trip would; at most a day. Default zero.
    #[must_use]
    pub fn with_commit_latency(mut self, commit_latency: Duration) -> Self {
        self.commit_latency = commit_latency.min(DAY);
        self
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self::new()
    }
}
