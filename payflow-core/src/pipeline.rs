//! The engine: deliveries in, handlers run, acknowledgements out.

mod config;
mod dead_letter;
mod driver;
mod engine;
mod events;
mod handle;
mod lanes;
mod mailbox;
mod random;
mod retry;
mod seats;
mod seldom;
mod shard;
#[cfg(feature = "simulation")]
mod simulated;
mod storm;
mod turns;
mod worker;

use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::task::JoinSet;

pub use config::{InvalidConfig, Order, PipelineConfig};
pub use dead_letter::DeadLetters;
pub use events::PipelineEvent;
pub use handle::{
    OldestUnfinished, PipelineHandle, PipelineHealth, PipelineSnapshot, PipelineState, Storm, UnfinishedStage,
};
pub use retry::RetryPolicy;
#[cfg(feature = "simulation")]
pub(crate) use simulated::{Ending, Hands, Job, Orders, Process, Task};
pub use storm::StormPolicy;

use driver::Driver;
use engine::Engine;
use events::Listener;
use handle::{Gauges, ShardGauges};
use mailbox::Mailbox;
#[cfg(feature = "simulation")]
pub(crate) use random::Random;
#[cfg(not(feature = "simulation"))]
use random::Random;
use shard::Shard;
use storm::StormWatch;
use worker::{Attempts, Bell, Equipment, Limit, Lines};

use crate::codec::Codec;
use crate::consumer::Consumer;
use crate::error::Error;
use crate::handler::Handler;

/// Hands the records of a consumer to a handler: in order per lane, within bounds, each acknowledged when it is finished.
///
/// A record whose handler fails is attempted again by [`RetryPolicy`], while other lanes go on; one that cannot be
/// handled or decoded goes to the [`DeadLetters`], durably, before it is acknowledged.
///
/// ```
/// use payflow_core::{
///     Currency, DeadLetters, Error, JsonCodec, MemoryCluster, Message, PaymentRequest, Pipeline, PipelineConfig,
///     Producer, Record, Topic,
/// };
/// use std::sync::Arc;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (topic, dead) = (Topic::parse("payment-topic")?, Topic::parse("payment-topic.dead-letters")?);
/// let cluster = MemoryCluster::new();
/// cluster.create_topic(&topic, 4)?;
/// cluster.create_topic(&dead, 1)?;
/// let value = r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#;
/// let _receipt = cluster.producer().send(Record::new(topic.clone(), value).with_key("u001")).await?;
/// cluster.close_topic(&topic)?;
///
/// let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR")?);
/// let dead_letters = DeadLetters::new(Arc::new(cluster.producer()), dead);
/// let handler = |message: Message<PaymentRequest>| async move {
///     println!("{} pays {}", message.body().user_id(), message.body().amount());
///     Ok::<(), Error>(())
/// };
/// let consumer = cluster.consumer("notifications", &[topic])?;
/// let pipeline = Pipeline::new(consumer, codec, handler, dead_letters, PipelineConfig::new())?;
/// let handle = pipeline.handle();
/// pipeline.run(std::future::pending()).await?;
/// assert_eq!(handle.snapshot().handled, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[must_use = "a pipeline does nothing until it is run"]
pub struct Pipeline<T, K, C, H> {
    consumer: K,
    codec: C,
    handler: H,
    dead_letters: DeadLetters,
    config: PipelineConfig,
    gauges: Arc<Gauges>,
    listener: Listener,
    body: PhantomData<fn() -> T>,
}

impl<T, K, C, H> Pipeline<T, K, C, H>
where
    T: Send + 'static,
    K: Consumer,
    C: Codec<T> + 'static,
    H: Handler<T> + 'static,
{
    /// Puts a pipeline together.
    ///
    /// # Errors
    /// The settings cannot work: says which, why, and what to do.
    pub fn new(
        consumer: K,
        codec: C,
        handler: H,
        dead_letters: DeadLetters,
        config: PipelineConfig,
    ) -> Result<Self, InvalidConfig> {
        config.check()?;
        config.check_beside(consumer.limits(), handler.claim_lease())?;
        let gauges = Arc::new(Gauges::new(config.stalled_after));
        let listener = Listener::default();
        Ok(Self { consumer, codec, handler, dead_letters, config, gauges, listener, body: PhantomData })
    }

    /// Tells `listener` what happens, beside the log. It is called from the pipeline's own tasks, so it must not block; a
    /// panic of it is ignored.
    pub fn with_listener(mut self, listener: impl Fn(&PipelineEvent) + Send + Sync + 'static) -> Self {
        self.listener = Listener::new(listener);
        self
    }

    /// A look into it, while it runs and afterwards.
    #[must_use]
    pub fn handle(&self) -> PipelineHandle {
        PipelineHandle::new(Arc::clone(&self.gauges))
    }

    /// Runs until `shutdown` resolves, the source ends, or something breaks; then drains, commits and leaves the group.
    ///
    /// After `shutdown` nothing new starts, and running handlers have [`with_drain`](PipelineConfig::with_drain) to
    /// end. What was queued, waiting or cut off is delivered again to the next owner, its attempts starting at one.
    ///
    /// # Errors
    /// The consumer, or the dead letters' producer, became unusable, or the last commit did not succeed in time. What was
    /// finished by then may be delivered again; nothing is lost.
    ///
    /// # Cancel safety
    /// A dropped future drops the running handlers and commits nothing more.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let mut random = Random::seeded(self.config.seed.unwrap_or_else(unpredictable));
        let outbox = Arc::new(Mailbox::new());
        let attempts =
            Arc::new(Attempts::new(self.codec, self.handler, self.dead_letters, self.listener.clone()));
        let limit = Limit::new(self.config.concurrency);
        let storms = StormWatch::new(self.config.storm.clone());
        let now = tokio::time::Instant::now().into_std();
        let mut lines = Vec::with_capacity(self.config.shards);
        let mut shard_gauges = Vec::with_capacity(self.config.shards);
        let mut workers = JoinSet::new();
        for (number, bell) in (0..).zip(Bell::ropes(self.config.shards)) {
            let line = Lines { inbox: Arc::new(Mailbox::new()), outbox: Arc::clone(&outbox) };
            let gauges = Arc::new(ShardGauges::new(now));
            let shard = Shard::new(&self.config, storms.of_shard(number), random.next());
            lines.push(line.clone());
            shard_gauges.push(Arc::clone(&gauges));
            let (limit, storms) = (limit.clone(), storms.clone());
            let listener = self.listener.clone();
            let equipment = Equipment { lines: line, limit, storms, bell, listener, gauges };
            workers.spawn(worker::run(shard, equipment, Arc::clone(&attempts)));
        }
        self.gauges.begin(shard_gauges, storms);
        let engine = Engine::new(&self.config, (random.next(), random.next()), now);
        let (consumer, gauges, listener) = (self.consumer, self.gauges, self.listener);
        let driver = Driver { consumer, engine, lines, workers, gauges, listener };
        driver.run(shutdown).await
    }
}

/// The standard library's hasher has keys of its own, drawn from the operating system.
fn unpredictable() -> u64 {
    RandomState::new().hash_one(())
}

impl<T, K, C, H> std::fmt::Debug for Pipeline<T, K, C, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("config", &self.config).finish_non_exhaustive()
    }
}
