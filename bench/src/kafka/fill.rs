//! Fills a topic with payments.

use anyhow::{Context, ensure};
use clap::Args;
use payflow_core::Topic;
use payflow_kafka::{Compression, KafkaConfig, KafkaProducer, KafkaProducerConfig, KafkaTopics, NewTopic};

use super::cluster::{find, parse_brokers};
use super::payment::Payments;
use super::report::runtime;

/// Which topic, and with how much.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct Fill {
    /// Kafka's brokers: HOST:PORT, several with commas between.
    #[arg(long, value_parser = parse_brokers)]
    brokers: String,
    /// The topic. It is made if it is not there; else the payments come after what it holds.
    #[arg(long, value_parser = Topic::parse)]
    topic: Topic,
    /// How many payments to write: each about 90 bytes of JSON, keyed by its user id.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// How many users they are of, chosen evenly.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=16_000_000))]
    keys: u32,
    /// How many partitions a new topic gets [default: 8]. Said of a topic that is there, it must be so many.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: Option<i32>,
    /// Write the headers that payflow's front door writes, too. Without it the records are those of a service that knows
    /// none, such as the Go ones.
    #[arg(long)]
    headers: bool,
}

impl Fill {
    pub(crate) fn new(brokers: &str, topic: &Topic, messages: u64) -> Self {
        Self {
            brokers: brokers.to_owned(),
            topic: topic.clone(),
            messages,
            keys: KEYS,
            partitions: None,
            headers: false,
        }
    }

    pub(crate) fn with_headers(self, headers: bool) -> Self {
        Self { headers, ..self }
    }

    pub(super) fn with_keys(self, keys: u32) -> Self {
        Self { keys, ..self }
    }

    pub(super) fn with_partitions(self, partitions: i32) -> Self {
        Self { partitions: Some(partitions), ..self }
    }

    /// What to start this program with, so that it does this.
    pub(crate) fn args(&self) -> Vec<String> {
        let mut args = vec!["fill".to_owned()];
        args.push(format!("--brokers={}", self.brokers));
        args.push(format!("--topic={}", self.topic));
        args.push(format!("--messages={}", self.messages));
        args.push(format!("--keys={}", self.keys));
        args.extend(self.partitions.map(|partitions| format!("--partitions={partitions}")));
        args.extend(self.headers.then(|| "--headers".to_owned()));
        args
    }
}

/// Makes the topic if need be, and writes the payments, each of them durable when this returns.
pub(crate) fn fill(fill: &Fill) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let cluster = KafkaConfig::new(fill.brokers.as_str());
        let new = NewTopic::new(&fill.topic).with_partitions(fill.partitions.unwrap_or(PARTITIONS));
        KafkaTopics::new(&cluster)?.ensure(&[new]).await?;
        let found = find(&fill.brokers, &fill.topic).await?.partitions;
        let wanted = fill.partitions.map(usize::try_from).transpose()?;
        ensure!(
            wanted.is_none_or(|wanted| wanted == found),
            "topic {} has {found} partitions: leave --partitions out, or name another topic",
            fill.topic
        );

        let producer =
            KafkaProducer::new(&cluster, &KafkaProducerConfig::new().with_compression(Compression::None))?;
        let payments = Payments::new(fill.topic.clone(), fill.keys)?.with_headers(fill.headers);
        let mut sent = 0;
        while sent < fill.messages {
            let next = fill.messages.min(sent + AT_ONCE);
            let sending = payments.send(&producer, sent..next).await;
            sending.with_context(|| format!("{sent} of {} payments were written", fill.messages))?;
            sent = next;
        }
        println!("{sent} payments of {} users written to {}, {found} partitions", fill.keys, fill.topic);
        Ok(())
    })
}

const KEYS: u32 = 10_000;
const PARTITIONS: i32 = 8;
/// Half of what the producer's queue takes.
const AT_ONCE: u64 = 50_000;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        fill: Fill,
    }

    #[test]
    fn the_filling_program_is_told_what_to_do() {
        let topic = Topic::parse("payments").unwrap();
        let fill = Fill::new("127.0.0.1:9092", &topic, 12);
        for fill in [fill.clone(), Fill { partitions: Some(3), keys: 7, headers: true, ..fill }] {
            assert_eq!(Cli::try_parse_from(fill.args()).unwrap().fill, fill);
        }
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        let good = ["fill", "--brokers=a:1", "--topic=t"];
        assert!(Cli::try_parse_from(good).is_ok());
        for bad in ["--keys=0", "--partitions=0", "--messages=-1", "--topic=a b", "--brokers=a"] {
            let args = ["fill", "--brokers=a:1", "--topic=t", bad];
            let args = args.iter().filter(|arg| **arg == bad || !bad.starts_with(&arg[..arg.len().min(7)]));
            assert!(Cli::try_parse_from(args).is_err(), "{bad}");
        }
    }
}
