//! A notifier that remembers, for tests and demos.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::error::{Error, Fault};
use crate::notification::Notification;
use crate::notifier::{Notifier, Sent};

/// Remembers the notifications it is given, and counts each as delivered. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub struct MemoryNotifier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
    notifications_max: usize,
}

#[derive(Debug, Default)]
struct State {
    notifications: VecDeque<Notification>,
    taken: u64,
    faults: VecDeque<Fault>,
}

impl MemoryNotifier {
    /// How many [`new`](Self::new) remembers.
    pub const NOTIFICATIONS_MAX: usize = 10_000;

    /// Remembers the last 10,000 notifications.
    #[must_use]
    pub fn new() -> Self {
        Self::with_notifications_max(Self::NOTIFICATIONS_MAX)
    }

    /// Remembers the last `notifications_max` notifications, at least one.
    #[must_use]
    pub fn with_notifications_max(notifications_max: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Notify::new(),
                notifications_max: notifications_max.max(1),
            }),
        }
    }

    /// What was notified, oldest first; the oldest are forgotten beyond the limit.
    #[must_use]
    pub fn notifications(&self) -> Vec<Notification> {
        self.lock().notifications.iter().cloned().collect()
    }

    /// How many were notified in all, forgotten ones included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().taken
    }

    /// Resolves once `count` have been notified in all, and gives those remembered.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn wait_for(&self, count: u64) -> Vec<Notification> {
        loop {
            // Created before the count is read, so that no notification falls between the two.
            let changed = self.shared.changed.notified();
            if self.count() >= count {
                return self.notifications();
            }
            changed.await;
        }
    }

    /// The next calls fail so, behind those already lined up. Nothing of them is remembered.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryNotifier {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Notifier for MemoryNotifier {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        let mut state = self.lock();
        if let Some(fault) = state.faults.pop_front() {
            return Err(Error::new(fault, "notify").because("asked for by a test"));
        }
        if state.notifications.len() >= self.shared.notifications_max {
            state.notifications.pop_front();
        }
        state.notifications.push_back(notification.clone());
        state.taken += 1;
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(Sent::Delivered)
    }
}
