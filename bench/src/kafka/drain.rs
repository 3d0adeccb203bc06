//! What every contender is told, so that all of them can be measured on one topic.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use payflow_core::Topic;

use super::cluster::{Cluster, find, fresh_name, parse_brokers, records_left};
use super::report::{Report, runtime};
use crate::dispatch::OrderKind;

/// Which records to drain, and what to do with each.
#[derive(Debug, Clone, Args)]
pub(crate) struct Drain {
    /// Kafka's brokers: HOST:PORT, several with commas between. Without it a Kafka of its own is started (Java and
    /// Maven are needed), and a topic is filled.
    #[arg(long, value_parser = parse_brokers)]
    brokers: Option<String>,
    /// The topic; `fill` makes one.
    #[arg(long, default_value = "bench-payments", value_parser = Topic::parse)]
    topic: Topic,
    /// The consumer group: one that exists goes on where it has committed. Without it a new one reads from the
    /// beginning. Never a service's: what cannot be handled is set aside nowhere.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    group: Option<String>,
    /// How many records to drain [default: all that the topic holds for the group].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// What is handled one after another. A floor has one thread, and always handles everything so.
    #[arg(long, value_enum, default_value = "key")]
    pub(crate) order: OrderKind,
    /// How long the handler of a record waits, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub(crate) handler_ms: u64,
    /// Hand the bytes of each record over, and decode nothing.
    #[arg(long)]
    pub(crate) bytes: bool,
    /// Let a floor look at the name and the value of each header, as who wants a payment's id does. Payflow's codec always does.
    #[arg(long)]
    pub(crate) headers: bool,
    /// How many handlers run at once. A floor runs one.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) in_flight: u32,
}

/// What there is to drain.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) brokers: String,
    pub(crate) topic: Topic,
    pub(crate) group: String,
    pub(crate) messages: u64,
}

impl Drain {
    /// Finds the records or makes them, lets `contender` drain them, and prints what it took.
    ///
    /// # Errors
    /// No Kafka, no topic, or fewer records than told.
    pub(crate) fn run(
        &self,
        contender: impl FnOnce(&Source) -> anyhow::Result<Report>,
    ) -> anyhow::Result<()> {
        let cluster = Cluster::find_or_start(self.brokers.as_deref())?;
        let source = self.source(&cluster)?;
        let report = contender(&source)?;
        println!("{report}");
        Ok(())
    }

    fn source(&self, cluster: &Cluster) -> anyhow::Result<Source> {
        let group = self.group.clone().unwrap_or_else(|| fresh_name("group"));
        if cluster.is_own() {
            cluster.fill(&self.topic, self.messages.unwrap_or(MESSAGES), false)?;
        }
        let brokers = cluster.brokers().to_owned();
        let found = runtime()?.block_on(find(&brokers, &self.topic))?;
        let left = records_left(&brokers, &found, &group)
            .with_context(|| format!("how much of {} there is cannot be told", self.topic))?;
        let messages = self.messages.unwrap_or(left);
        ensure!(messages > 0, "topic {} holds nothing for group {group}: fill it first", self.topic);
        if messages > left {
            eprintln!("topic {} holds {left} records for group {group}: waiting for the rest", self.topic);
        }
        Ok(Source { brokers, topic: self.topic.clone(), group, messages })
    }
}

/// Ends a run to which nothing comes any more.
#[derive(Debug)]
pub(crate) struct Patience {
    progress: u64,
    since: std::time::Instant,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self { progress: 0, since: std::time::Instant::now() }
    }

    /// So many records are dealt with.
    ///
    /// # Errors
    /// For half a minute there were no more.
    pub(crate) fn check(&mut self, progress: u64, source: &Source) -> anyhow::Result<()> {
        if progress != self.progress {
            *self = Self { progress, ..Self::new() };
        }
        ensure!(
            self.since.elapsed() < PATIENCE,
            "{progress} of {} records came, and nothing for {PATIENCE:?}: does {} hold so many for group {}, and has the \
             group no other member?",
            source.messages,
            source.topic,
            source.group
        );
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
/// What a Kafka of its own is filled with, unless told.
pub(crate) const MESSAGES: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        drain: Drain,
    }

    #[test]
    fn what_cannot_be_drained_is_refused() {
        assert!(Cli::try_parse_from(["consume"]).is_ok());
        for bad in [
            "--brokers=nowhere",
            "--topic=a/b",
            "--group=",
            "--messages=0",
            "--order=time",
            "--in-flight=0",
            "--handler-ms=-1",
        ] {
            assert!(Cli::try_parse_from(["consume", bad]).is_err(), "{bad}");
        }
    }
}
