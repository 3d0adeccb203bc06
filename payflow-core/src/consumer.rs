//! The port through which records are handed over, acknowledged and committed.

mod deliveries;
mod delivery;
mod inbound;
mod limits;
mod progress;
mod protocol;

use async_trait::async_trait;
use futures_core::future::BoxFuture;

pub use deliveries::Deliveries;
pub(crate) use deliveries::emptied;
pub use delivery::{AckToken, Delivery};
pub use inbound::{Assignment, Change, Inbound, PartitionEnd, Room};
pub use limits::ConsumerLimits;
pub use progress::PartitionProgress;
pub use protocol::RebalanceProtocol;

use crate::error::Error;

/// A member of a group that is handed the records of the partitions assigned to it.
///
/// One owner calls it, one method at a time; only what [`commit`](Self::commit) returns runs beside the others. Within
/// a partition deliveries come in the order of the log, each with an [`AckToken`] that comes back exactly once.
/// Dropping the consumer leaves the group: what was acknowledged and not committed is delivered again to the next
/// owner, as is what was given up or not acknowledged.
#[async_trait]
pub trait Consumer: Send {
    /// Waits until something happens, and adds it to `into`: deliveries within `room`, changes of the assignment, ends of
    /// partitions, the end of the source. Resolves with at least one of them.
    ///
    /// With no room it still waits for changes, and keeps the membership alive: call it always, however full you are, and
    /// after the source has [ended](Inbound::ended): only a further assignment then brings more.
    /// A change comes before the deliveries of the partitions it is about. When all tokens of a
    /// [revoking](Change::Revoking) partition are back, the consumer commits what is finished and lets it go; at the
    /// deadline it does so anyway.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient): nothing was handed over; call again, after a pause if it goes on.
    /// [`Fatal`](crate::Fault::Fatal): this consumer is unusable (fenced, unauthorised).
    /// Other faults count as fatal here: a receive is about no record.
    ///
    /// # Cancel safety
    /// Cancel-safe: what a dropped future had not yet added to `into` is handed over by a later call.
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error>;

    /// Marks deliveries as done here: `finished` (handled or dead-lettered), or `given_up` (not started, or cut off),
    /// which are delivered again once their partition is next assigned.
    ///
    /// Local and cannot fail. Tokens of a partition that was let go or lost since are stale, and ignored.
    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]);

    /// Starts to make durable what was acknowledged before the call, and resolves when it is.
    ///
    /// Per partition that is everything below the first delivery not finished, and, where the transport can keep it, what
    /// was finished beyond: that too is not delivered again (for adapters:
    /// [`OffsetTracker::finished_beyond`](crate::OffsetTracker::finished_beyond)). Starts now, borrows nothing, and does
    /// nothing (successfully) if there is nothing new. At most one runs: call it again only after the last resolved.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient): not committed; the next commit makes up for it.
    /// [`Unknown`](crate::Fault::Unknown): may have been committed; likewise.
    /// [`Fatal`](crate::Fault::Fatal): the consumer is unusable.
    ///
    /// # Cancel safety
    /// A dropped future means that the commit may or may not happen; another may be started at once.
    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>>;

    /// Leaves the group and resolves when it has left, or could not within the transport's own limit. Commits nothing.
    /// Nothing is called after it.
    ///
    /// Dropping the consumer leaves too, though a transport may then do it beside: a program that ends before it is done
    /// has its partitions wait until the group misses it. The default, which does nothing, is for transports that leave at
    /// once when dropped.
    ///
    /// # Cancel safety
    /// A dropped future leaves the group as dropping the consumer does.
    async fn close(&mut self) {}

    /// What it keeps to by itself. The same at each call; asked when a pipeline is built.
    ///
    /// The default, which tells nothing, is for transports without limits of their own.
    fn limits(&self) -> ConsumerLimits {
        ConsumerLimits::unknown()
    }

    /// Adds to `into` how far each partition is that it holds, those that are asked back included. Local, and asked about once
    /// a second.
    ///
    /// The default, which adds nothing, is for transports that do not know: then the lag cannot be told.
    fn progress(&self, into: &mut Vec<PartitionProgress>) {
        let _ = into;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<K: Consumer + ?Sized> Consumer for Box<K> {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        (**self).receive(into, room).await
    }

    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        (**self).acknowledge(finished, given_up);
    }

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        (**self).commit()
    }

    async fn close(&mut self) {
        (**self).close().await;
    }

    fn limits(&self) -> ConsumerLimits {
        (**self).limits()
    }

    fn progress(&self, into: &mut Vec<PartitionProgress>) {
        (**self).progress(into);
    }
}
