//! How long a record is on its way from a producer to a handler, sent at times that do not wait for what came before.
//!
//! Which record it is stands in its amount, and when it was to be sent follows from that: sender and receiver are one
//! process, with one clock.

mod arrivals;
mod bare;
mod delays;
mod payflow;
mod records;
mod sender;

use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use payflow_core::Topic;

use self::arrivals::Arrivals;
pub(super) use self::delays::Delays;
use self::sender::Pace;
use super::cluster::{find, fresh_name, parse_brokers};
use super::drain::Source;
use super::report::runtime;
use crate::dispatch::name;
use crate::usage;

/// Which way the records take, and at what pace.
#[derive(Debug, Clone, PartialEq, Args)]
pub(crate) struct Latency {
    /// Kafka's brokers: HOST:PORT, several with commas between.
    #[arg(long, value_parser = parse_brokers)]
    brokers: String,
    /// The topic, which holds nothing else; `fill --messages 0` makes one.
    #[arg(long, value_parser = Topic::parse)]
    topic: Topic,
    /// The way from the producer to the handler.
    #[arg(long, value_enum, default_value = "payflow")]
    path: PathKind,
    /// How many records are sent a second, in even steps [default: as many as arrive, with `window` of them on their way].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// How many records are on their way at once where no rate is told.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=50_000))]
    window: u64,
    /// For how long it is measured, in seconds. One more goes before, which does not count.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// A way from a producer to a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PathKind {
    /// `KafkaProducer`, `KafkaConsumer` and the pipeline in key order, with default settings.
    Payflow,
    /// The wrapper's `FutureProducer` and a loop around `BaseConsumer::poll`, with the same settings of librdkafka.
    Bare,
}

impl Latency {
    pub(super) fn new(brokers: &str, topic: &Topic, path: PathKind, rate: Option<u64>, seconds: u64) -> Self {
        let brokers = brokers.to_owned();
        Self { brokers, topic: topic.clone(), path, rate, window: WINDOW, seconds }
    }

    /// What to start this program with, so that it does this.
    pub(super) fn args(&self) -> Vec<String> {
        let mut args = vec!["latency".to_owned()];
        args.push(format!("--brokers={}", self.brokers));
        args.push(format!("--topic={}", self.topic));
        args.push(format!("--path={}", name(self.path)));
        args.extend(self.rate.map(|rate| format!("--rate={rate}")));
        args.push(format!("--window={}", self.window));
        args.push(format!("--seconds={}", self.seconds));
        args
    }

    fn pace(&self) -> Pace {
        match self.rate {
            Some(rate) => Pace::Steady { rate },
            None => Pace::Window { records: self.window },
        }
    }
}

const WINDOW: u64 = 10_000;

/// Sends and receives, and prints how long the records took.
///
/// # Errors
/// No Kafka, no topic, one that holds records already, or records that do not arrive.
pub(crate) fn latency(latency: &Latency) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let found = runtime.block_on(find(&latency.brokers, &latency.topic))?;
    let group = fresh_name("group");
    let held = super::cluster::records_left(&latency.brokers, &found, &group)?;
    ensure!(held == 0, "topic {} holds {held} records: name one that is empty", latency.topic);
    let source =
        Source { brokers: latency.brokers.clone(), topic: latency.topic.clone(), group, messages: u64::MAX };
    let arrivals = Arc::new(Arrivals::new(latency.pace().numbers(latency.seconds)));
    let before = usage::processor_time();
    let sent = match latency.path {
        PathKind::Payflow => payflow::carry(&runtime, latency, &source, &arrivals)?,
        PathKind::Bare => bare::carry(&runtime, latency, &source, &arrivals)?,
    };
    let used = usage::processor_time().saturating_sub(before);
    let delays = Delays::of(&arrivals, &sent, used).context("nothing was measured")?;
    println!("{delays}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        latency: Latency,
    }

    #[test]
    fn the_measured_program_is_told_what_to_do() {
        let topic = Topic::parse("payments").unwrap();
        for (&path, rate) in PathKind::value_variants().iter().zip([None, Some(20_000)]) {
            let latency = Latency::new("127.0.0.1:9092", &topic, path, rate, 2);
            assert_eq!(Cli::try_parse_from(latency.args()).unwrap().latency, latency);
        }
    }

    #[test]
    fn a_pace_that_cannot_be_is_refused() {
        let good = ["latency", "--brokers=a:1", "--topic=t"];
        assert!(Cli::try_parse_from(good).is_ok());
        for bad in ["--rate=0", "--rate=-5", "--window=0", "--window=50001", "--seconds=0", "--path=short"] {
            assert!(Cli::try_parse_from([&good[..], &[bad]].concat()).is_err(), "{bad}");
        }
    }
}
