//! Breaks the path on purpose, so that the check of `--payments` can be seen to fail.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use clap::ValueEnum;
use payflow_core::{Error, Notification, Notifier, Sent, UserId};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InjectedFault {
    /// Of every hundred notifications one is not sent, and said to be
    Drop,
    /// Of every hundred notifications one is sent twice
    Double,
    /// The first two notifications of each user are swapped
    Swap,
}

/// [`Notifier`] that is not to be trusted. It belongs behind [`Once`](payflow_core::Once), which would put right what it
/// doubles.
#[derive(Debug)]
pub(crate) struct FaultyNotifier<N> {
    notifier: N,
    fault: InjectedFault,
    notifications: AtomicUsize,
    /// Each user's first notification, until the second is there.
    firsts: Mutex<HashMap<UserId, Option<Notification>>>,
}

impl<N: Notifier> FaultyNotifier<N> {
    pub(crate) fn new(notifier: N, fault: InjectedFault) -> Self {
        Self { notifier, fault, notifications: AtomicUsize::new(0), firsts: Mutex::default() }
    }

    /// True for the first of every hundred.
    fn strikes(&self) -> bool {
        self.notifications.fetch_add(1, Ordering::Relaxed).is_multiple_of(100)
    }

    /// Keeps the first notification of a user, and gives it back at the second.
    fn swap(&self, notification: &Notification) -> Swap {
        let mut firsts = self.firsts.lock().unwrap_or_else(PoisonError::into_inner);
        match firsts.entry(notification.user_id().clone()) {
            Entry::Vacant(first) => {
                first.insert(Some(notification.clone()));
                Swap::Kept
            }
            Entry::Occupied(mut first) => Swap::Goes { before: first.get_mut().take() },
        }
    }
}

enum Swap {
    Kept,
    /// This one is sent, before the other.
    Goes {
        before: Option<Notification>,
    },
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<N: Notifier> Notifier for FaultyNotifier<N> {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        match self.fault {
            InjectedFault::Drop if self.strikes() => return Ok(Sent::Delivered),
            InjectedFault::Double if self.strikes() => {
                let _first = self.notifier.notify(notification).await?;
            }
            InjectedFault::Drop | InjectedFault::Double => {}
            InjectedFault::Swap => match self.swap(notification) {
                Swap::Kept => return Ok(Sent::Delivered),
                Swap::Goes { before: None } => {}
                Swap::Goes { before: Some(first) } => {
                    let _second = self.notifier.notify(notification).await?;
                    return self.notifier.notify(&first).await;
                }
            },
        }
        self.notifier.notify(notification).await
    }

    fn claim_lease(&self) -> Option<Duration> {
        self.notifier.claim_lease()
    }
}
