//! A small notification service for the tests: it handles by sleeping, and writes down each call of its handler.
//!
//! A record's method says what becomes of it: `transient` fails at the first attempt, `permanent` fails for good, `panic`
//! panics, and anything else succeeds. SIGTERM ends it cleanly; so that no test leaves one behind, the end of its
//! input ends it at once.
#![forbid(unsafe_code)]

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use payflow_core::{
    Currency, DeadLetters, Error, Handler, JsonCodec, Message, Order, PaymentRequest, Pipeline,
    PipelineConfig, RebalanceProtocol, RetryPolicy, Topic,
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
    let pipeline = pipeline(&flags, Sleeper { flags: flags.clone(), events: Arc::clone(&events) })?;
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
    let group = KafkaConsumerConfig::new(&flags.group)
        .with_protocol(protocol)
        .with_session_timeout(Duration::from_millis(flags.session_ms));
    let consumer = KafkaConsumer::new(&cluster, &group, &[Topic::parse(&flags.topic)?])?;
    let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR")?);
    let dead_letters = DeadLetters::new(Arc::new(producer), Topic::parse(&flags.dead_letters)?);
    let config = PipelineConfig::new()
        .with_order(if flags.by_partition { Order::ByPartition } else { Order::ByKey })
        .with_retry(RetryPolicy::new([Duration::from_millis(flags.retry_ms); 3]))
        .with_commit_interval(Duration::from_millis(flags.commit_ms));
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
    flags: Flags,
    events: Arc<EventLog>,
}

impl Sleeper {
    fn time(&self, place: Place) -> Duration {
        let (least, most) =
            (self.flags.handler_ms, self.flags.handler_ms_max.unwrap_or(self.flags.handler_ms));
        let span = most.saturating_sub(least) + 1;
        // Any number that differs from record to record, and is the same at each attempt.
        let mixed = (place.offset.unsigned_abs() * 31 + u64::from(place.partition.unsigned_abs()))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Duration::from_millis(least + (mixed >> 32) % span)
    }

    fn write(&self, event: &Event) -> Result<(), Error> {
        self.events.append(event).map_err(|error| Error::permanent("write event").because(error))
    }
}

impl Handler<PaymentRequest> for Sleeper {
    async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
        let delivery = message.delivery();
        let place = Place { partition: delivery.partition, offset: delivery.offset };
        self.write(&Event::Started {
            process: self.flags.process.clone(),
            assignment: delivery.token.generation(),
            at: EventLog::now(),
            place,
            key: delivery.key.as_ref().map(|key| key.to_vec()),
            payment: message.payment_id().to_string(),
            attempt: message.attempt(),
        })?;
        let mut call = Call { sleeper: self, place, how: Ending::Cut };
        tokio::time::sleep(self.time(place)).await;
        let result = match message.body().method().as_str() {
            "transient" if message.attempt() == 1 => Err(Error::transient("handle")),
            "permanent" => Err(Error::permanent("handle")),
            "panic" => panic!("told to"),
            _ => Ok(()),
        };
        call.how = if result.is_ok() { Ending::Done } else { Ending::Failed };
        result
    }
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
        if let Err(error) = self.sleeper.write(&ended) {
            // Without this line the test fails, and its log says why.
            eprintln!("{}", error.chain());
        }
    }
}
