//! The [`Consumer`] on Kafka: a member of a group, whose partitions a thread of its own reads.

mod chunk;
mod commits;
mod context;
mod ends;
mod holdings;
mod placing;
mod poll_thread;
mod reading;
mod ready;
mod rebalance;
mod shared;
mod troubles;
mod waker;

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;
use futures_util::future::ready;
use payflow_core::{AckToken, Consumer, ConsumerLimits, Error, Inbound, PartitionProgress, Room, Topic};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::sync::oneshot;

use crate::config::{KafkaConfig, KafkaConsumerConfig};
use crate::error;
use crate::health::KafkaHealth;
use crate::native::DataConsumer;
use context::Context;
use poll_thread::PollThread;
use shared::{CommitRequest, Shared};
use waker::Waker;

/// How long [`close`](Consumer::close) waits for the group to be left.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A member of a consumer group.
///
/// A thread of its own serves librdkafka and reads ahead, so the membership lasts however slow handlers are. What is
/// handed over lies in buffers of about 64 KiB, whose sum is
/// [bounded](KafkaConsumerConfig::with_buffer_bytes_max). A partition that the group has committed nothing of begins at
/// its oldest record. Offsets that were deleted before they were handled are told by one error line; a partition that
/// begins anew below the committed offset is [lost](payflow_core::Change::Lost) and assigned anew, and the group's place
/// is set back to there at once.
///
/// Brokers that cannot be reached are no error: `receive` waits until one is back, and [`health`](Self::health) tells.
/// [`Fatal`](payflow_core::Fault::Fatal) is what makes the member unusable: fenced, or not authorised.
#[must_use = "dropping a consumer leaves the group"]
pub struct KafkaConsumer {
    shared: Arc<Shared>,
    health: KafkaHealth,
    limits: ConsumerLimits,
}

impl KafkaConsumer {
    /// Joins the group of `config`, subscribed to `topics`. Returns before it has joined, whether a broker is there or not.
    ///
    /// A topic that no broker knows yet is found within a minute of its creation (`topic.metadata.refresh.interval.ms`), and so is a
    /// partition that is added: who makes the topic calls [`KafkaTopics::ensure`](crate::KafkaTopics::ensure) first.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): a setting cannot work, or there is no topic; the cause says which.
    pub fn new(
        config: &KafkaConfig,
        consumer: &KafkaConsumerConfig,
        topics: &[Topic],
    ) -> Result<Self, Error> {
        const OPERATION: &str = "create consumer";
        if topics.is_empty() {
            return Err(Error::permanent(OPERATION).because("no topics: name at least one"));
        }
        let native =
            consumer.client_config(config).map_err(|error| Error::permanent(OPERATION).because(error))?;
        let base: BaseConsumer<Context> = native
            .create_with_context(Context::default())
            .map_err(|error| error::create(OPERATION, error))?;
        let waker = Arc::new(Waker::new());
        let shared = Arc::new(Shared::new(Arc::clone(&waker)));
        let no_memory = || Error::permanent(OPERATION).because("librdkafka gave no queue: out of memory");
        let client = DataConsumer::new(base, move || waker.wake()).ok_or_else(no_memory)?;
        let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
        let subscribed = client.consumer().subscribe(&names);
        subscribed.map_err(|error| Error::permanent(OPERATION).because(error))?;

        let health = KafkaHealth::new();
        let thread = PollThread::new(
            client,
            Arc::clone(&shared),
            health.clone(),
            consumer.revoke_drain(),
            consumer.buffer_bytes_max(),
        );
        thread::Builder::new()
            .name("payflow-kafka-consumer".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| Error::permanent(OPERATION).because(error))?;
        Ok(Self { shared, health, limits: consumer.limits() })
    }

    /// Whether a broker is reached. Goes on telling after the consumer was moved into a pipeline.
    #[must_use]
    pub fn health(&self) -> KafkaHealth {
        self.health.clone()
    }

    fn begin_close(&self) {
        self.shared.lock().closing = true;
        self.shared.waker.wake();
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        loop {
            // A source that always has something is always ready; without this it would starve its thread.
            tokio::task::consume_budget().await;
            // Created before the holdings are looked at, so that no change falls between the two.
            let changed = self.shared.changed.notified();
            {
                let mut state = self.shared.lock();
                let handed_over = state.holdings.hand_over(into, room);
                let drained = state.full && std::mem::take(&mut state.full);
                let broken = state.broken.clone();
                drop(state);
                if drained {
                    self.shared.waker.wake();
                }
                if handed_over {
                    return Ok(());
                }
                if let Some(broken) = broken {
                    return Err(broken.error("receive"));
                }
            }
            changed.await;
        }
    }

    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        let mut state = self.shared.lock();
        state.holdings.acknowledge(finished, given_up);
        let waited_for = state.revoking || state.holding_back;
        drop(state);
        if waited_for {
            self.shared.waker.wake();
        }
    }

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        let mut state = self.shared.lock();
        if state.ended {
            let error = Error::fatal("commit").because("the consumer was closed");
            return ready(Err(state.broken.as_ref().map_or(error, |broken| broken.error("commit")))).boxed();
        }
        let watermarks = state.holdings.uncommitted(None);
        if watermarks.is_empty() {
            return ready(Ok(())).boxed();
        }
        let (reply, decided) = oneshot::channel();
        state.commits.push(CommitRequest { watermarks, reply });
        drop(state);
        self.shared.waker.wake();
        async move {
            let gone =
                || Error::unknown("commit").because("the consumer was closed before the commit was decided");
            decided.await.unwrap_or_else(|_| Err(gone()))
        }
        .boxed()
    }

    async fn close(&mut self) {
        self.begin_close();
        let mut closed = self.shared.closed.subscribe();
        let left = closed.wait_for(|closed| *closed);
        if tokio::time::timeout(CLOSE_TIMEOUT, left).await.is_err() {
            tracing::warn!(
                "the group could not be left in time: its partitions wait for the session timeout"
            );
        }
    }

    fn limits(&self) -> ConsumerLimits {
        self.limits
    }

    /// Ends are those of the last fetch, looked at once a second. While nothing is fetched, because handlers are behind, they stand
    /// still, and the lag is more than is told.
    fn progress(&self, into: &mut Vec<PartitionProgress>) {
        self.shared.lock().holdings.progress(into);
    }
}

impl Drop for KafkaConsumer {
    /// Leaves the group in the background, committing nothing.
    fn drop(&mut self) {
        self.begin_close();
    }
}

impl fmt::Debug for KafkaConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConsumer").field("health", &self.health).finish_non_exhaustive()
    }
}
