//! A small notification service for the tests: it handles by sleeping, then notifies, and writes down each call of its
//! handler and each notification.
//!
//! A record's method says what becomes of it: `transient` fails at the first attempt, `permanent` fails for good, `panic`
//! panics, `stuck` takes until it is released, and anything else succeeds. SIGTERM ends it cleanly; so that no test leaves one behind, the end of its
//! input ends it at once.
#![forbid(unsafe_code)]

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use clap::{Parser, ValueEnum};
use payflow_core::{
    Currency, DeadLetters, Error, Handler, JsonCodec, MemoryInbox, Message, Notification, Notifier,
    NotifyPayer, Once, Order, PaymentRequest, Pipeline, PipelineConfig, RebalanceProtocol, RetryPolicy, Sent,
    Topic,
};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig};
use payflow_program::shutdown_signal;
use payflow_proof::{Counts, Ending, Event, EventLog, Place};

/// What it is told.
#[derive(Debug, Clone, Parser)]
struct Flags {
    #[arg(long)]
    brokers: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    dead_letters: String,
    #[arg(long)]
    group: String,
    /// What events name it.
    #[arg(long)]
    process: String,
    /// Where events are written to.
    #[arg(long)]
    events: PathBuf,
    /// The shortest time that a handler sleeps, in milliseconds.
    #[arg(long, default_value_t = 0)]
    handler_ms: u64,
    /// The longest; which one follows from where the record stands.
    #[arg(long)]
    handler_ms_max: Option<u64>,
    /// How long after a failure the next attempt comes, in milliseconds.
    #[arg(long, default_value_t = 20)]
    retry_ms: u64,
    #[arg(long, value_enum, default_value_t = Protocol::Cooperative)]
    protocol: Protocol,
    #[arg(long, default_value_t = 45_000)]
    session_ms: u64,
    #[arg(long)]
    heartbeat_ms: Option<u64>,
    #[arg(long, default_value_t = 1_000)]
    commit_ms: u64,
    /// How many handlers run at once.
    #[arg(long)]
    concurrency: Option<usize>,
    /// How much it may hold of records, and as much in the buffers that they lie in, in MiB.
    #[arg(long)]
    held_mib: Option<usize>,
    #[arg(long)]
    max_poll_ms: Option<u64>,
    #[arg(long)]
    revoke_drain_ms: Option<u64>,
    /// How often the client asks what partitions there are, in milliseconds.
    #[arg(long)]
    metadata_ms: Option<u64>,
    /// What is stuck goes on when this file is there.
    #[arg(long)]
    release: Option<PathBuf>,
    /// As long as this file is there, no notification can be sent.
    #[arg(long)]
    down: Option<PathBuf>,
    /// One lane for each partition, not for each key.
    #[arg(long)]
    by_partition: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    Cooperative,
    Eager,
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let flags = Flags::parse();
    let signal = shutdown_signal()?;
    end_with_input();

    let (process, events) = (flags.process.clone(), Arc::new(EventLog::open(&flags.events)?));
    let flags = Arc::new(flags);
    let pipeline = pipeline(&flags, Sleeper::new(&flags, &events))?;
    let handle = pipeline.handle();
    pipeline
        .run(async {
            signal.await;
        })
        .await?;

    let seen = handle.snapshot();
    let counts = Counts { handled: seen.handled, skipped: seen.skipped, dead_lettered: seen.dead_lettered };
    events.append(&Event::Left { process, at: EventLog::now(), counts })?;
    Ok(())
}

fn pipeline(
    flags: &Flags,
    sleeper: Sleeper,
) -> Result<Pipeline<PaymentRequest, KafkaConsumer, JsonCodec, Sleeper>> {
    let mut cluster = KafkaConfig::new(&flags.brokers);
    let producer = KafkaProducer::new(&cluster, &KafkaProducerConfig::new())?;
    if let Some(interval) = flags.heartbeat_ms {
        cluster = cluster.with_property("heartbeat.interval.ms", &interval.to_string())?;
    }
    let protocol = match flags.protocol {
        Protocol::Cooperative => RebalanceProtocol::Cooperative,
        Protocol::Eager => RebalanceProtocol::Eager,
    };
    if let Some(interval) = flags.metadata_ms {
        cluster = cluster.with_property("topic.metadata.refresh.interval.ms", &interval.to_string())?;
    }
    let mut group = KafkaConsumerConfig::new(&flags.group)
        .with_protocol(protocol)
        .with_session_timeout(Duration::from_millis(flags.session_ms));
    if let Some(interval) = flags.max_poll_ms {
        group = group.with_max_poll_interval(Duration::from_millis(interval));
    }
    if let Some(drain) = flags.revoke_drain_ms {
        group = group.with_revoke_drain(Duration::from_millis(drain));
    }
    if let Some(held) = flags.held_mib {
        group = group.with_buffer_bytes_max(held << 20);
    }
    let consumer = KafkaConsumer::new(&cluster, &group, &[Topic::parse(&flags.topic)?])?;
    let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR")?);
    let dead_letters = DeadLetters::new(Arc::new(producer), Topic::parse(&flags.dead_letters)?);
    let mut config = PipelineConfig::new()
        .with_order(if flags.by_partition { Order::ByPartition } else { Order::ByKey })
        .with_retry(RetryPolicy::new([Duration::from_millis(flags.retry_ms); 3]))
        .with_commit_interval(Duration::from_millis(flags.commit_ms));
    if let Some(handlers) = flags.concurrency {
        config = config.with_concurrency(handlers);
    }
    if let Some(held) = flags.held_mib {
        config = config.with_bytes_max(held << 20);
    }
    Ok(Pipeline::new(consumer, codec, sleeper, dead_letters, config)?)
}

/// Whoever started this process holds the other end of its input, and is gone when that ends.
fn end_with_input() {
    std::thread::spawn(|| {
        // Nothing is ever written: what is read is the end, or an error, which is as good.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(3);
    });
}

/// The handler.
struct Sleeper {
    flags: Arc<Flags>,
    events: Arc<EventLog>,
    notifying: NotifyPayer<Once<Downstream, MemoryInbox>>,
}

impl Sleeper {
    fn new(flags: &Arc<Flags>, events: &Arc<EventLog>) -> Self {
        let downstream = Downstream { flags: Arc::clone(flags), events: Arc::clone(events) };
        Self {
            flags: Arc::clone(flags),
            events: Arc::clone(events),
            notifying: NotifyPayer::new(Once::new(downstream, MemoryInbox::new()), "log"),
        }
    }

    fn time(&self, place: Place) -> Duration {
        let (least, most) =
            (self.flags.handler_ms, self.flags.handler_ms_max.unwrap_or(self.flags.handler_ms));
        let span = most.saturating_sub(least) + 1;
        // Any number that differs from record to record, and is the same at each attempt.
        let mixed = (place.offset.unsigned_abs() * 31 + u64::from(place.partition.unsigned_abs()))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Duration::from_millis(least + (mixed >> 32) % span)
    }

    async fn released(&self) {
        const LOOK_INTERVAL: Duration = Duration::from_millis(20);
        while self.flags.release.as_ref().is_some_and(|file| !file.exists()) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

impl Handler<PaymentRequest> for Sleeper {
    async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
        let delivery = message.delivery();
        let place = Place { partition: delivery.partition, offset: delivery.offset };
        let started = Event::Started {
            process: self.flags.process.clone(),
            assignment: delivery.token.generation(),
            at: EventLog::now(),
            place,
            key: delivery.key().map(<[u8]>::to_vec),
            payment: message.payment_id().to_string(),
            attempt: message.attempt(),
        };
        write(&self.events, &started)?;
        let mut call = Call { sleeper: self, place, how: Ending::Cut };
        tokio::time::sleep(self.time(place)).await;
        let result = match message.body().method().as_str() {
            "transient" if message.attempt() == 1 => Err(Error::transient("handle")),
            "permanent" => Err(Error::permanent("handle")),
            "panic" => panic!("told to"),
            "stuck" => {
                self.released().await;
                self.notifying.handle(message).await
            }
            _ => self.notifying.handle(message).await,
        };
        call.how = if result.is_ok() { Ending::Done } else { Ending::Failed };
        result
    }

    fn claim_lease(&self) -> Option<Duration> {
        self.notifying.claim_lease()
    }
}

/// Where notifications go: the log of events.
struct Downstream {
    flags: Arc<Flags>,
    events: Arc<EventLog>,
}

#[async_trait]
impl Notifier for Downstream {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        if self.flags.down.as_ref().is_some_and(|file| file.exists()) {
            return Err(Error::transient("notify").because("it is down"));
        }
        let sent = Event::Sent {
            process: self.flags.process.clone(),
            at: EventLog::now(),
            payment: notification.payment_id().to_string(),
            notification: notification.id().to_string(),
        };
        write(&self.events, &sent).map(|()| Sent::Delivered)
    }
}

fn write(events: &EventLog, event: &Event) -> Result<(), Error> {
    events.append(event).map_err(|error| Error::permanent("write event").because(error))
}

/// Writes its end, however it ends.
struct Call<'a> {
    sleeper: &'a Sleeper,
    place: Place,
    how: Ending,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let how = if std::thread::panicking() { Ending::Failed } else { self.how };
        let process = self.sleeper.flags.process.clone();
        let ended = Event::Ended { process, at: EventLog::now(), place: self.place, how };
        if let Err(error) = write(&self.sleeper.events, &ended) {
            // Without this line the test fails, and its log says why.
            eprintln!("{}", error.chain());
        }
    }
}
