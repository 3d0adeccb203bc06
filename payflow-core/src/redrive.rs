//! Sends dead letters back to where they came from.

mod choice;
mod config;
mod filter;
mod lanes;
mod letter;
mod pace;
mod partitions;
mod repeats;
mod report;
mod run;

use std::fmt;
use std::sync::Arc;

pub use choice::LeftOut;
pub use config::RedriveConfig;
pub use filter::RedriveFilter;
pub use letter::{DeadLetter, InvalidDeadLetter};
pub use report::{RedriveCounts, RedriveEnd, RedriveHandle, RedriveNote, RedriveReport};

use crate::consumer::Consumer;
use crate::error::Error;
use crate::producer::Producer;
use report::Gauges;
use run::Run;

/// Sends the dead letters of a topic back: each with its first key, value and headers, the payment's id, and a count of
/// its [redrives](DeadLetter::REDRIVES).
///
/// The consumer is a member of a group of its own on the dead-letter topic, which remembers what was sent: a letter is
/// finished when the send of it is durable, and one that is left out or fails stays, for the next redrive of the group.
/// Letters of one key are sent one after the other, in the order of their partition. A send that fails as Transient or
/// Unknown is repeated, with pauses, until it succeeds or the redrive is told to end.
///
/// A crash repeats at most [`with_in_flight_max`](RedriveConfig::with_in_flight_max) sends, each with the same payment
/// id.
///
/// ```
/// use std::sync::Arc;
///
/// use payflow_core::{MemoryCluster, Redrive, RedriveConfig, RedriveEnd, Topic};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = MemoryCluster::new();
/// let dead = Topic::parse("payment-topic.dead-letters")?;
/// cluster.create_topic(&dead, 1)?;
///
/// let consumer = cluster.consumer("payment-topic.dead-letters.redrive", &[dead])?;
/// let redrive = Redrive::new(consumer, Arc::new(cluster.producer()), RedriveConfig::new().with_limit(1_000));
/// let report = redrive.run(std::future::pending()).await?;
/// assert_eq!((report.end, report.counts.sent), (RedriveEnd::Complete, 0));
/// # Ok(())
/// # }
/// ```
#[must_use = "a redrive does nothing until it is run"]
pub struct Redrive<K> {
    consumer: K,
    producer: Arc<dyn Producer>,
    config: RedriveConfig,
    gauges: Arc<Gauges>,
}

impl<K: Consumer> Redrive<K> {
    /// What `consumer` hands over of a dead-letter topic goes back through `producer`.
    pub fn new(consumer: K, producer: Arc<dyn Producer>, config: RedriveConfig) -> Self {
        Self { consumer, producer, config, gauges: Arc::default() }
    }

    /// A look into it, while it runs and afterwards.
    #[must_use]
    pub fn handle(&self) -> RedriveHandle {
        RedriveHandle::new(Arc::clone(&self.gauges))
    }

    /// Runs until each partition was read to where it ended, the limit is reached, `shutdown` resolves, or nothing comes
    /// any more; then commits and leaves the group.
    ///
    /// After `shutdown` nothing more is sent; what is under way has 10 s to end.
    ///
    /// # Errors
    /// The consumer or the producer became unusable, or the last commit did not succeed within 10 s. What was sent by then
    /// may be sent again by the next redrive; nothing is lost. [`handle`](Self::handle) still tells the counts.
    ///
    /// # Cancel safety
    /// A dropped future ends it as a crash does.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<RedriveReport, Error> {
        let now = tokio::time::Instant::now().into_std();
        Run::new(self.consumer, self.producer, self.config, self.gauges, now).run(shutdown).await
    }
}

impl<K> fmt::Debug for Redrive<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redrive").field("config", &self.config).finish_non_exhaustive()
    }
}
