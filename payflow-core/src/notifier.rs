//! The port through which notifications reach somebody.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Error;
use crate::notification::Notification;

/// Sends notifications.
///
/// May be called concurrently. The same notification may come more than once (a crash, an unknown outcome); it then has
/// the same id, which a provider that dedupes should be given. [`Once`](crate::Once) drops repeats in front of one
/// that cannot.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Resolves when the other side has taken the notification.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient): surely not sent; try again later.
    /// [`Permanent`](crate::Fault::Permanent): this one never can be (no such address).
    /// [`Unknown`](crate::Fault::Unknown): it may have been sent.
    /// [`Fatal`](crate::Fault::Fatal): counts as permanent, and raises an error event.
    ///
    /// # Cancel safety
    /// A dropped future means that it may have been sent.
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error>;

    /// For how long it claims a notification while it sends it: one that takes longer may be sent a second time beside the
    /// first. The same at each call; a notifier around another hands on the other's.
    ///
    /// The default, `None`, is for those that claim nothing.
    fn claim_lease(&self) -> Option<Duration> {
        None
    }
}

/// How far a notification got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Sent {
    /// Taken by the other side, which answers for the rest.
    Accepted,
    /// Known to have reached the payer.
    Delivered,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<N: Notifier + ?Sized> Notifier for Arc<N> {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        (**self).notify(notification).await
    }

    fn claim_lease(&self) -> Option<Duration> {
        (**self).claim_lease()
    }
}
