//! Where the records are: a Kafka that is there, or one of our own.

use std::fmt::Debug;
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{slice, thread};

use anyhow::{Context, bail, ensure};
use payflow_core::{Fault, Topic};
use payflow_kafka::{KafkaConfig, KafkaTopics, TopicFound};
use payflow_parts::{KafkaBroker, KafkaCluster};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::fill::Fill;

/// Brokers to measure against.
#[derive(Debug)]
pub(crate) struct Cluster {
    brokers: String,
    /// One broker or several, which end with this value.
    own: Option<Box<dyn Debug + Send>>,
}

impl Cluster {
    /// The brokers that are named, or else a broker of our own.
    ///
    /// # Errors
    /// Java or Maven is missing, or the broker does not start: says what to do.
    pub(crate) fn find_or_start(brokers: Option<&str>) -> anyhow::Result<Self> {
        if let Some(brokers) = brokers {
            return Ok(Self { brokers: brokers.to_owned(), own: None });
        }
        eprintln!("no --brokers: starting a Kafka of its own");
        let own = KafkaBroker::start().context("no Kafka of its own: name one that is there by --brokers")?;
        Ok(Self { brokers: own.brokers().to_owned(), own: Some(Box::new(own)) })
    }

    /// The same; or three brokers of our own, which keep three copies of each record and acknowledge it when two have it.
    ///
    /// # Errors
    /// Those of `find_or_start`.
    pub(crate) fn with_three(three: bool, brokers: Option<&str>) -> anyhow::Result<Self> {
        if !three {
            return Self::find_or_start(brokers);
        }
        eprintln!("starting a Kafka of three brokers");
        let own = KafkaCluster::start().context("no Kafka of three brokers")?;
        Ok(Self { brokers: own.brokers(), own: Some(Box::new(own)) })
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    pub(crate) const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Fills a topic, in a process of its own, so that what this takes is not counted as this one's.
    pub(crate) fn fill(&self, topic: &Topic, messages: u64, headers: bool) -> anyhow::Result<()> {
        self.run(&Fill::new(&self.brokers, topic, messages).with_headers(headers))
    }

    /// The same, with all that can be told.
    pub(super) fn run(&self, fill: &Fill) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        let status = Command::new(program)
            .args(fill.args())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .context("the topic cannot be filled")?;
        ensure!(status.success(), "{} failed ({status})", fill.args().join(" "));
        Ok(())
    }
}

/// Looks a topic up.
///
/// # Errors
/// It is not there, or no broker answers: says which, and what to do.
pub(crate) async fn find(brokers: &str, topic: &Topic) -> anyhow::Result<TopicFound> {
    let topics = KafkaTopics::new(&KafkaConfig::new(brokers))?.with_timeout(ANSWER_TIMEOUT);
    let found = topics.check(slice::from_ref(topic)).await;
    let found = found.map_err(|error| {
        let remedy = match error.fault() {
            Fault::Transient { .. } => format!("no Kafka answers at {brokers}"),
            _ => format!("topic {topic} cannot be used; payflow-bench fill --topic {topic} makes it"),
        };
        anyhow::Error::new(error).context(remedy)
    })?;
    found.get(topic).cloned().with_context(|| format!("topic {topic} was not looked up"))
}

/// How many records of a topic the group has not committed. Blocks.
///
/// # Errors
/// The broker does not answer.
pub(crate) fn records_left(brokers: &str, topic: &TopicFound, group: &str) -> anyhow::Result<u64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", group);
    let consumer: BaseConsumer = config.create().context("no client to ask for offsets")?;
    let mut asked = TopicPartitionList::new();
    for partition in 0..i32::try_from(topic.partitions)? {
        asked.add_partition(topic.topic.as_str(), partition);
    }
    let committed = patiently(|| consumer.committed_offsets(asked.clone(), ANSWER_TIMEOUT));
    let committed = committed.context("no committed offsets")?;
    let mut left = 0;
    for partition in committed.elements() {
        let (topic, number) = (partition.topic(), partition.partition());
        let ends = patiently(|| consumer.fetch_watermarks(topic, number, ANSWER_TIMEOUT));
        let (low, high) = ends.context("no offsets of the topic")?;
        let from = match partition.offset() {
            Offset::Offset(committed) => committed.max(low),
            _ => low,
        };
        left += u64::try_from(high - from).unwrap_or(0);
    }
    Ok(left)
}

/// Asks again for a while: a Kafka that has just started does not know at once who coordinates a group, nor a new topic at once
/// who leads its partitions.
fn patiently<T>(mut ask: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let until = Instant::now() + ANSWER_TIMEOUT;
    loop {
        match ask() {
            Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(200)),
            answered => return answered,
        }
    }
}

/// A name that nobody has.
pub(crate) fn fresh_name(of: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("bench-{of}-{}-{}", now.as_nanos(), process::id())
}

/// As the command line takes brokers.
pub(crate) fn parse_brokers(text: &str) -> anyhow::Result<String> {
    let is_address = |broker: &str| {
        let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
        port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
    };
    if let Some(broker) = text.split(',').find(|broker| !is_address(broker)) {
        bail!("`{broker}` is no HOST:PORT, such as 127.0.0.1:9092; several of them have commas between");
    }
    Ok(text.to_owned())
}

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_addresses() {
        for good in ["localhost:9092", "10.0.0.1:1,kafka-2:65535", "[::1]:9092"] {
            assert_eq!(parse_brokers(good).unwrap(), good);
        }
        for bad in ["", "localhost", "localhost:0", "localhost:70000", ":9092", "a:1,", "a:1, b"] {
            assert!(parse_brokers(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fresh_names_differ_and_are_names_of_topics() {
        let (first, second) = (fresh_name("pay"), fresh_name("pay"));
        assert_ne!(first, second);
        assert!(Topic::parse(&first).is_ok());
    }
}
