//! Payments sent one after another, each awaited before the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use payflow_core::{Producer as _, Record, Topic};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::cluster::{find, parse_brokers};
use super::payment::Payments;
use super::report::{Meter, runtime};
use crate::http::bare_producer;
use crate::statistics::median;

/// What to send, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct Awaited {
    /// Kafka's brokers: HOST:PORT, several with commas between.
    #[arg(long, value_parser = parse_brokers)]
    brokers: String,
    /// The topic; `fill` makes one.
    #[arg(long, value_parser = Topic::parse)]
    topic: Topic,
    /// How many payments to send.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// How many send at once, each awaiting its own before it sends the next.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    concurrency: u32,
    /// What sends them.
    #[arg(long, value_enum, default_value = "payflow")]
    client: ClientKind,
}

/// A producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientKind {
    /// Payflow's.
    Payflow,
    /// The wrapper's `FutureProducer`, with the same settings.
    Future,
}

impl Awaited {
    pub(crate) fn new(brokers: &str, topic: &Topic, messages: u64, client: ClientKind) -> Self {
        Self { brokers: brokers.to_owned(), topic: topic.clone(), messages, concurrency: 1, client }
    }

    /// What to start this program with, so that it does this.
    pub(crate) fn args(&self) -> Vec<String> {
        vec![
            "produce".to_owned(),
            format!("--brokers={}", self.brokers),
            format!("--topic={}", self.topic),
            format!("--messages={}", self.messages),
            format!("--concurrency={}", self.concurrency),
            format!("--client={}", crate::dispatch::name(self.client)),
        ]
    }
}

/// Sends, and prints what it took: the round trip is the median of the single sends.
pub(crate) fn produce(awaited: &Awaited) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        find(&awaited.brokers, &awaited.topic).await?;
        let client = Arc::new(Client::new(awaited)?);
        let payments = Arc::new(Payments::new(awaited.topic.clone(), KEYS)?);
        // The first send waits for the connection.
        client.send(payments.record(0)?).await?;

        let mut meter = Meter::start();
        meter.begin();
        let next = Arc::new(AtomicU64::new(0));
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..awaited.concurrency {
            let (client, payments, next) = (Arc::clone(&client), Arc::clone(&payments), Arc::clone(&next));
            senders.spawn(send_up_to(awaited.messages, client, payments, next));
        }
        let mut round_trips = Vec::new();
        while let Some(sent) = senders.join_next().await {
            round_trips.extend(sent??);
        }
        let mut report = meter.end(awaited.messages)?;
        ensure!(round_trips.len() as u64 == awaited.messages, "{} records were sent", round_trips.len());
        report.round_trip_us = median(round_trips.iter().map(|time| time.as_secs_f64() * 1e6));
        println!("{report}");
        Ok(())
    })
}

async fn send_up_to(
    messages: u64,
    client: Arc<Client>,
    payments: Arc<Payments>,
    next: Arc<AtomicU64>,
) -> anyhow::Result<Vec<Duration>> {
    let mut round_trips = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= messages {
            return Ok(round_trips);
        }
        let record = payments.record(number)?;
        let begun = Instant::now();
        client.send(record).await?;
        round_trips.push(begun.elapsed());
    }
}

enum Client {
    Payflow(Box<KafkaProducer>),
    Future(FutureProducer),
}

impl Client {
    fn new(awaited: &Awaited) -> anyhow::Result<Self> {
        Ok(match awaited.client {
            ClientKind::Payflow => {
                let cluster = KafkaConfig::new(awaited.brokers.as_str());
                Self::Payflow(Box::new(KafkaProducer::new(&cluster, &KafkaProducerConfig::new())?))
            }
            ClientKind::Future => Self::Future(bare_producer(&awaited.brokers)?),
        })
    }

    async fn send(&self, record: Record) -> anyhow::Result<()> {
        match self {
            Self::Payflow(producer) => {
                let _receipt = producer.send(record).await?;
            }
            Self::Future(producer) => {
                let key = record.key.as_deref().context("a payment has a key")?;
                let value = record.value.as_deref().context("a payment has a value")?;
                let record = FutureRecord::to(record.topic.as_str()).key(key).payload(value);
                producer.send(record, Duration::from_secs(1)).await.map_err(|(error, _)| error)?;
            }
        }
        Ok(())
    }
}

const KEYS: u32 = 10_000;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        awaited: Awaited,
    }

    #[test]
    fn the_sending_program_is_told_what_to_do() {
        let topic = Topic::parse("payments").unwrap();
        for &client in ClientKind::value_variants() {
            let awaited = Awaited::new("127.0.0.1:9092", &topic, 12, client);
            assert_eq!(Cli::try_parse_from(awaited.args()).unwrap().awaited, awaited);
        }
    }
}
