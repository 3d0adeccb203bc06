//! A notifier that notes who was told, and when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use payflow_core::{Error, Notification, Notifier, Sent};
use tokio::time::Instant;

use super::verdict::Notified;

/// [`Notifier`] that notes each notification, in the order in which they come.
#[derive(Debug)]
pub(super) struct Recorder {
    start: Instant,
    notified: Mutex<Vec<Notified>>,
}

impl Recorder {
    /// Notes times since `start`.
    pub(super) fn new(start: Instant) -> Self {
        Self { start, notified: Mutex::default() }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// What was noted so far; nothing is left.
    pub(super) fn take(&self) -> Vec<Notified> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Notified>> {
        // Nothing under the lock can leave the list half changed.
        self.notified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for Recorder {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        let payment_id = notification.payment_id();
        let mut notified = self.lock();
        // Taken under the lock, so that times rise along the list.
        let at = self.start.elapsed();
        notified.push(Notified { payment_id, at });
        Ok(Sent::Delivered)
    }
}
