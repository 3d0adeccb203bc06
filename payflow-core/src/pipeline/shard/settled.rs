//! What has left a shard.

use std::sync::Arc;

use crate::consumer::{AckToken, Delivery, emptied};
use crate::error::Error;

/// Deliveries that have left the shard.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Settled {
    pub(in crate::pipeline) finished: Vec<AckToken>,
    pub(in crate::pipeline) given_up: Vec<AckToken>,
    pub(in crate::pipeline) bytes: usize,
    /// Their memory, to be used again.
    pub(in crate::pipeline) emptied: Vec<Arc<Delivery>>,
    pub(in crate::pipeline) counts: Counts,
    /// The dead letters' producer is unusable.
    pub(in crate::pipeline) broken: Option<Error>,
}

/// What happened, to be added up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) struct Counts {
    pub(in crate::pipeline) handled: u64,
    pub(in crate::pipeline) skipped: u64,
    pub(in crate::pipeline) failed_attempts: u64,
    pub(in crate::pipeline) dead_lettered: u64,
    pub(in crate::pipeline) dead_letters_failed: u64,
}

impl Settled {
    /// Whether there is nothing to tell.
    pub(in crate::pipeline) fn is_empty(&self) -> bool {
        let nothing_left = self.finished.is_empty() && self.given_up.is_empty();
        nothing_left && self.counts == Counts::default() && self.broken.is_none()
    }

    /// Whether all that is to be told is that some were finished: nothing was given up, and nothing broke.
    pub(in crate::pipeline) const fn is_all_finished(&self) -> bool {
        self.given_up.is_empty() && self.broken.is_none()
    }

    // Always: for each message.
    #[inline(always)]
    pub(super) fn finish(&mut self, delivery: Arc<Delivery>) {
        self.finished.push(delivery.token);
        self.let_go(delivery);
    }

    pub(super) fn give_up(&mut self, delivery: Arc<Delivery>) {
        self.given_up.push(delivery.token);
        self.let_go(delivery);
    }

    #[inline]
    fn let_go(&mut self, delivery: Arc<Delivery>) {
        self.bytes += delivery.size_bytes();
        if let Some(emptied) = emptied(delivery) {
            self.emptied.push(emptied);
        }
    }
}
