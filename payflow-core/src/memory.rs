//! The in-process transport: a cluster in memory, for tests, demos and services on one machine that may forget.

pub(crate) mod cluster;
mod config;
mod consumer;
mod faults;
mod notifier;
mod producer;
pub(crate) mod refusal;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tracing::warn;

#[cfg(feature = "simulation")]
pub(crate) use cluster::{CommitOnItsWay, MeanwhileSends, Sent, SimulatedCluster};
pub use cluster::{MemberId, StoredRecord};
pub use config::MemoryConfig;
pub use consumer::MemoryConsumer;
pub use notifier::MemoryNotifier;
pub use producer::MemoryProducer;

use crate::error::{Error, Fault};
use crate::record::Topic;
use cluster::{Cluster, Committed, Place};
use faults::Faults;
use refusal::Refusal;

/// A cluster of topics, partitions and consumer groups in the memory of this process, with the contract of Kafka: the
/// same order, the same rebalances, the same redeliveries. What finished out of order is remembered in a commit's metadata;
/// of a partition that would need more of it than there may be, nothing more is handed over until enough is finished. Cheap to clone: all clones are one cluster.
///
/// Nothing outlives the process. Time is tokio's, so paused time steps its deadlines too.
///
/// ```
/// use payflow_core::{Consumer, Inbound, MemoryCluster, Producer, Record, Room, Topic};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = MemoryCluster::new();
/// let topic = Topic::parse("payment-topic")?;
/// cluster.create_topic(&topic, 4)?;
///
/// let record = Record::new(topic.clone(), r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#);
/// let receipt = cluster.producer().send(record.with_key("u001")).await?;
///
/// let mut consumer = cluster.consumer("notifications", &[topic.clone()])?;
/// let mut inbound = Inbound::default();
/// while inbound.deliveries.is_empty() {
///     let room = Room { records: 100, bytes: 1 << 20, first_may_exceed: true };
///     consumer.receive(&mut inbound, room).await?;
/// }
/// consumer.acknowledge(&[inbound.deliveries[0].token], &[]);
/// consumer.commit().await?;
/// assert_eq!(cluster.committed("notifications", &topic, receipt.partition), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryCluster {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told after each change that somebody may wait for.
    changed: Notify,
    config: MemoryConfig,
}

struct State {
    cluster: Cluster,
    faults: Faults,
    shut_down: bool,
}

impl MemoryCluster {
    /// An empty cluster with the default [`MemoryConfig`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_config(MemoryConfig::new())
    }

    /// An empty cluster.
    #[must_use]
    pub fn with_config(config: MemoryConfig) -> Self {
        let state =
            State { cluster: Cluster::new(config.clone()), faults: Faults::default(), shut_down: false };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new(), config }) }
    }

    /// Creates a topic. Creating it again with as many partitions changes nothing.
    ///
    /// # Errors
    /// [`Permanent`](Fault::Permanent): no partitions or more than 10,000, or it exists with another number of them.
    pub fn create_topic(&self, topic: &Topic, partitions: u32) -> Result<(), Error> {
        self.change(|state, _| state.cluster.create_topic(topic, partitions))
            .map_err(|refusal| refusal.into_error("create topic"))
    }

    /// Makes a topic finite: sends to it are refused from now on, and a consumer all of whose topics are closed is told
    /// [`ended`](crate::Inbound::ended) once its group has been handed everything.
    ///
    /// # Errors
    /// [`Permanent`](Fault::Permanent): there is no such topic.
    pub fn close_topic(&self, topic: &Topic) -> Result<(), Error> {
        self.change(|state, _| state.cluster.close_topic(topic))
            .map_err(|refusal| refusal.into_error("close topic"))
    }

    /// A producer for every topic of the cluster.
    #[must_use]
    pub fn producer(&self) -> MemoryProducer {
        MemoryProducer::new(self.clone())
    }

    /// Joins `group` with a new member that subscribes to `topics`. A partition of which the group has committed nothing
    /// starts at its first record.
    ///
    /// The member has joined when this returns, and takes part in rebalances whether it is polled or not. Drop the
    /// consumer to leave.
    ///
    /// # Errors
    /// [`Permanent`](Fault::Permanent): no topics, or one that does not exist: create it first.
    /// [`Fatal`](Fault::Fatal): the cluster was shut down.
    pub fn consumer(&self, group: &str, topics: &[Topic]) -> Result<MemoryConsumer, Error> {
        let member = self
            .change(|state, now| {
                state.check_open()?;
                state.cluster.join(group, topics, now)
            })
            .map_err(|refusal| refusal.into_error("join group"))?;
        Ok(MemoryConsumer::new(self.clone(), member))
    }

    /// Throws a member out of its group, as a broker does that has not heard of it: it has lost its partitions and what it
    /// had not committed, and they go to others at once. It joins anew when it next receives.
    ///
    /// False if it is not in a group just now.
    pub fn expel(&self, member: MemberId) -> bool {
        self.change(|state, now| state.cluster.expel(member, now))
    }

    /// The offset up to which `group` has committed a partition; `None` if it has committed nothing there.
    #[must_use]
    pub fn committed(&self, group: &str, topic: &Topic, partition: i32) -> Option<i64> {
        self.change(|state, now| {
            state.cluster.advance(now);
            state.cluster.committed(group, topic, partition).map(|committed| committed.offset)
        })
    }

    /// The metadata of that commit, which says what is [finished beyond](crate::FinishedBeyond) its offset.
    #[must_use]
    pub fn committed_metadata(&self, group: &str, topic: &Topic, partition: i32) -> Option<String> {
        self.change(|state, now| {
            state.cluster.advance(now);
            state.cluster.committed(group, topic, partition).map(|committed| committed.metadata.clone())
        })
    }

    /// Commits for `group` as another program does, or an operator: any offset, with any metadata. The next owner of the
    /// partition goes on there, or at the oldest record if it lies beyond the end; metadata that says nothing to it is
    /// ignored, with a warning.
    ///
    /// False, and nothing changed, if a member owns the partition or there is none such.
    pub fn commit_foreign(
        &self,
        group: &str,
        topic: &Topic,
        partition: i32,
        offset: i64,
        metadata: &str,
    ) -> bool {
        let place = Place { topic: topic.clone(), partition };
        let committed = Committed { offset, metadata: metadata.to_owned() };
        self.change(|state, _| state.cluster.commit_foreign(group, place, committed))
    }

    /// How many records of `topic` the group has not committed, over all partitions.
    #[must_use]
    pub fn lag(&self, group: &str, topic: &Topic) -> u64 {
        self.change(|state, now| {
            state.cluster.advance(now);
            state.cluster.lag(group, topic)
        })
    }

    /// What a topic holds, by partition and offset; nothing if there is no such topic.
    #[must_use]
    pub fn records(&self, topic: &Topic) -> Vec<StoredRecord> {
        self.lock().cluster.records(topic)
    }

    /// Resolves once `condition` holds. It is asked now, and after each change of the cluster.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn wait_until(&self, mut condition: impl FnMut(&Self) -> bool + Send) {
        loop {
            // Created before the question is asked, so that no change falls between the two.
            let changed = self.shared.changed.notified();
            if condition(self) {
                return;
            }
            changed.await;
        }
    }

    /// Ends the cluster: every receive, commit and send fails as [`Fatal`](Fault::Fatal) from now on.
    pub fn shut_down(&self) {
        self.change(|state, _| {
            state.shut_down = true;
            state.cluster.touch();
        });
    }

    /// The next sends to `topic` fail so, one fault a record, behind those already lined up. Nothing of them is written.
    pub fn fail_next_sends(&self, topic: &Topic, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.line_up_sends(topic, faults);
    }

    /// Every send to `topic` fails so until this is called with `None`. Nothing of them is written.
    pub fn refuse_sends(&self, topic: &Topic, fault: Option<Fault>) {
        self.lock().faults.refuse_sends(topic, fault);
    }

    /// The next commits by members of `group` fail so, behind those already lined up. Nothing of them is committed.
    ///
    /// What a member commits by itself as it lets a partition go is not affected.
    pub fn fail_next_commits(&self, group: &str, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.line_up_commits(group, faults);
    }

    /// The next receives by members of `group` fail so, behind those already lined up. Nothing is lost by it.
    pub fn fail_next_receives(&self, group: &str, faults: impl IntoIterator<Item = Fault>) {
        self.change(|state, _| {
            state.faults.line_up_receives(group, faults);
            state.cluster.touch();
        });
    }

    fn config(&self) -> &MemoryConfig {
        &self.shared.config
    }

    /// Runs `action` under the lock and, if it changed what others may wait for, wakes them once.
    fn change<T>(&self, action: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = tokio::time::Instant::now().into_std();
        let mut state = self.lock();
        let outcome = action(&mut state, now);
        let touched = state.cluster.take_touched();
        let ignored = state.cluster.take_ignored();
        drop(state);
        for metadata in ignored {
            let Place { topic, partition } = &metadata.place;
            warn!(%topic, partition, reason = %metadata.reason, "the metadata of a commit is ignored: what finished out of order is handled again");
        }
        if touched {
            self.shared.changed.notify_waiters();
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug of the model; the others then see what it left, as they would of a broker.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_open(&self) -> Result<(), Refusal> {
        if self.shut_down {
            return Err(Refusal::ShutDown);
        }
        Ok(())
    }
}

impl Default for MemoryCluster {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCluster").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
