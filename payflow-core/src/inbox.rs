//! Remembers which notifications were sent, so that a repeat is not.

mod memory;
mod once;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use memory::MemoryInbox;
pub use once::Once;

use crate::error::Error;
use crate::notification::NotificationId;
use crate::payment::Fingerprint;

/// Claims notification ids: at most one holder at a time, and none after it was completed.
///
/// May be called concurrently. A claim is a lease; each has a fence by which an inbox tells a holder whose lease ran out
/// from the one that claimed after it.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Asks to be the one who sends this notification, for at most `lease`.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient): not claimed.
    /// [`Unknown`](crate::Fault::Unknown): it may be claimed, and frees itself when the lease runs out.
    ///
    /// # Cancel safety
    /// A dropped future may have claimed; the lease frees it.
    async fn claim(
        &self,
        id: NotificationId,
        fingerprint: Option<Fingerprint>,
        lease: Duration,
    ) -> Result<Claim, Error>;

    /// The notification was sent: nobody will be granted it again. Does nothing if the hold is no longer current.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient), [`Unknown`](crate::Fault::Unknown): it may be sent once more, after the
    /// lease.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have completed.
    async fn complete(&self, hold: Hold) -> Result<(), Error>;

    /// The notification was not, or not surely, sent: the next claim is granted. Does nothing if the hold is no longer
    /// current.
    ///
    /// # Errors
    /// As for [`complete`](Self::complete); the lease frees it in any case.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have released.
    async fn release(&self, hold: Hold) -> Result<(), Error>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<I: Inbox + ?Sized> Inbox for Arc<I> {
    async fn claim(
        &self,
        id: NotificationId,
        fingerprint: Option<Fingerprint>,
        lease: Duration,
    ) -> Result<Claim, Error> {
        (**self).claim(id, fingerprint, lease).await
    }

    async fn complete(&self, hold: Hold) -> Result<(), Error> {
        (**self).complete(hold).await
    }

    async fn release(&self, hold: Hold) -> Result<(), Error> {
        (**self).release(hold).await
    }
}

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// Send it, then complete or release the hold.
    Granted(Hold),
    /// It was sent before.
    Completed,
    /// Another holds it for so much longer at the most.
    Held {
        /// The rest of the holder's lease.
        remaining: Duration,
    },
    /// The id was claimed before with another fingerprint: another request under the same idempotency key.
    Conflict,
}

/// The right to send one notification, as the inbox knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// What is held.
    pub id: NotificationId,
    /// Which claim it was; rises with each.
    pub fence: u64,
}
