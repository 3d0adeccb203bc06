//! The port through which records become durable.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Error;
use crate::record::{Receipt, Record};

/// Makes records durable on a topic.
///
/// All methods may be called concurrently. Two sends of one key keep their order if the second starts after the first
/// has its receipt; so do the records of one [`send_all`](Self::send_all) that share a key, as far as they have receipts.
#[async_trait]
pub trait Producer: Send + Sync {
    /// Resolves when the record is durable: replicated or fsynced as the transport promises.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient): surely not written; the same send may succeed later.
    /// [`Permanent`](crate::Fault::Permanent): this record never will be taken (too large, topic unknown).
    /// [`Unknown`](crate::Fault::Unknown): it may have been written.
    /// [`Fatal`](crate::Fault::Fatal): this producer is unusable, make a new one.
    /// It resolves with one of them within the transport's delivery timeout; a full queue is waited for, bounded.
    ///
    /// # Cancel safety
    /// A dropped future means that the record may have been, or may yet be, written.
    async fn send(&self, record: Record) -> Result<Receipt, Error>;

    /// Sends all, and resolves when each is decided: one result a record, in their order.
    ///
    /// Not atomic: some may be durable while others failed.
    ///
    /// # Errors
    /// Each as for [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send), for each record.
    async fn send_all(&self, records: Vec<Record>) -> Vec<Result<Receipt, Error>>;

    /// Resolves when every send that began before this call is decided.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient) if some are undecided after the transport's delivery timeout; what
    /// became of each is told by its own send.
    ///
    /// # Cancel safety
    /// A dropped future leaves the sends under way as they are.
    async fn flush(&self) -> Result<(), Error>;

    /// How long a [`send`](Self::send) takes until it is decided, at most. The same at each call; whoever waits for sends
    /// under a deadline of its own holds that against it when it is put together.
    ///
    /// The default, `None`, is for transports that cannot tell.
    fn decided_within(&self) -> Option<Duration> {
        None
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: Producer + ?Sized> Producer for Arc<P> {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        (**self).send(record).await
    }

    async fn send_all(&self, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        (**self).send_all(records).await
    }

    async fn flush(&self) -> Result<(), Error> {
        (**self).flush().await
    }

    fn decided_within(&self) -> Option<Duration> {
        (**self).decided_within()
    }
}
