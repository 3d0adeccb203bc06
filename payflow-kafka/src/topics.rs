//! Topics: are they there, are they sized as payflow needs them, and can they be made.

mod cluster;
mod found;
mod new_topic;

use std::fmt;
use std::time::Duration;

use payflow_core::{Error, Topic};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use tracing::warn;

use self::cluster::Cluster;
pub use self::found::{TopicFound, TopicsFound};
pub use self::new_topic::NewTopic;
use crate::config::KafkaConfig;

/// Looks at topics when a program starts, and creates them where that is asked for.
///
/// It connects for each call, and keeps nothing open between them.
///
/// ```no_run
/// # async fn example() -> Result<(), payflow_core::Error> {
/// use payflow_core::Topic;
/// use payflow_kafka::{KafkaConfig, KafkaTopics, NewTopic};
///
/// # let (payments, dead) = (Topic::parse("payment-topic").unwrap(), Topic::parse("payment-topic.dead-letters").unwrap());
/// let topics = KafkaTopics::new(&KafkaConfig::new("kafka-1:9092"))?;
/// topics.ensure(&[NewTopic::new(&payments).with_partitions(6), NewTopic::dead_letters(&dead, &payments)]).await?;
/// let found = topics.check(&[payments.clone(), dead.clone()]).await?;
/// found.check_dead_letters(&payments, &dead)?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct KafkaTopics {
    config: ClientConfig,
    timeout: Duration,
}

impl KafkaTopics {
    /// Topics of this cluster. Does not connect yet.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): a setting is refused; the cause names it and says what to do.
    pub fn new(shared: &KafkaConfig) -> Result<Self, Error> {
        let mut config =
            shared.client_config().map_err(|invalid| Error::permanent("open topics").because(invalid))?;
        // Its lines would gather in a queue that nobody reads.
        config.set_log_level(RDKafkaLogLevel::Emerg);
        Ok(Self { config, timeout: Duration::from_secs(10) })
    }

    /// How long a call may take. Taken as 1 s to 1 h, default 10 s.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        self
    }

    /// Looks whether all of `topics` exist, and tells how they are set up.
    ///
    /// Where replication factor or `min.insync.replicas` allow an accepted record to have a single copy, one line warns
    /// of all such topics together.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): topics are missing, or may not be looked at; the cause names them.
    /// [`Transient`](payflow_core::Fault::Transient): no broker answered in time, or a topic has no leader yet.
    ///
    /// # Cancel safety
    /// Changes nothing, so it may be dropped; the question goes on in the background until its timeout.
    pub async fn check(&self, topics: &[Topic]) -> Result<TopicsFound, Error> {
        const OPERATION: &str = "check topics";
        let topics = topics.to_vec();
        let found = self
            .on_cluster(OPERATION, move |cluster| {
                let found = cluster.describe(&topics)?;
                let missing: Vec<&Topic> = topics.iter().filter(|topic| found.get(topic).is_none()).collect();
                if missing.is_empty() { Ok(found) } else { Err(cluster.missing(&missing)) }
            })
            .await?;
        if let Some(risks) = found.single_copies() {
            warn!(topics = %risks, "accepted records may have a single copy: set replication factor 3 and min.insync.replicas 2");
        }
        Ok(found)
    }

    /// Creates those of `topics` that do not exist, and waits until each has its leaders. A topic that exists is left as
    /// it is, however it is set up: [`check`](Self::check) tells.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): the cluster refuses a topic; the cause names it and says why.
    /// [`Transient`](payflow_core::Fault::Transient): no broker answered in time, or a topic has no leaders yet. Some may
    /// have been created: the same call goes on from there.
    ///
    /// # Cancel safety
    /// Dropped, it may go on in the background until its timeout.
    pub async fn ensure(&self, topics: &[NewTopic]) -> Result<(), Error> {
        let topics = topics.to_vec();
        self.on_cluster("create topics", move |cluster| cluster.ensure(&topics)).await
    }

    /// Runs what blocks on a thread for it, with a client of its own: opening and closing one blocks too.
    async fn on_cluster<T: Send + 'static>(
        &self,
        operation: &'static str,
        ask: impl FnOnce(&Cluster) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (config, timeout) = (self.config.clone(), self.timeout);
        let asked = tokio::task::spawn_blocking(move || ask(&Cluster::open(&config, operation, timeout)?));
        asked.await.unwrap_or_else(|ended| Err(Error::transient(operation).because(ended)))
    }
}

impl fmt::Debug for KafkaTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaTopics").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
