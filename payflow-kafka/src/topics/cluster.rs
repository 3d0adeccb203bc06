//! The calls to a cluster that block, on a thread that may.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use payflow_core::{Error, Topic};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::runtime::Handle;
use tracing::debug;

use super::found::{PROVENANCE_BYTES, TopicFound, TopicsFound};
use super::new_topic::NewTopic;
use crate::error;

/// A connection to a cluster for the length of one call.
pub(super) struct Cluster {
    admin: AdminClient<DefaultClientContext>,
    operation: &'static str,
    deadline: Instant,
}

impl Cluster {
    pub(super) fn open(
        config: &ClientConfig,
        operation: &'static str,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let admin = config.create().map_err(|refused| error::create(operation, refused))?;
        Ok(Self { admin, operation, deadline: Instant::now() + timeout })
    }

    /// Those of `topics` that exist.
    pub(super) fn describe(&self, topics: &[Topic]) -> Result<TopicsFound, Error> {
        let mut found = Vec::with_capacity(topics.len());
        for topic in topics {
            found.extend(self.look_up(topic)?);
        }
        self.read_limits(&mut found)?;
        Ok(TopicsFound(found))
    }

    /// Creates the missing ones. Dead-letter topics come last: their size is their source's.
    pub(super) fn ensure(&self, topics: &[NewTopic]) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let (plain, dead): (Vec<_>, Vec<_>) = topics
            .iter()
            .filter(|new| seen.insert(new.topic.clone()))
            .cloned()
            .partition(|new| new.dead_letters_of.is_none());
        self.create_missing(plain)?;

        let mut sized = Vec::with_capacity(dead.len());
        for mut new in dead {
            if let Some(bytes) = self.dead_letter_bytes(&new)? {
                new.config.push((MAX_MESSAGE_BYTES.to_owned(), bytes.to_string()));
            }
            sized.push(new);
        }
        self.create_missing(sized)
    }

    pub(super) fn missing(&self, missing: &[&Topic]) -> Error {
        let names: Vec<&str> = missing.iter().map(|topic| topic.as_str()).collect();
        let reason = format!(
            "topics missing: {}; create them, with KafkaTopics::ensure or, for the services, --ensure-topics",
            names.join(", ")
        );
        Error::permanent(self.operation).because(reason)
    }

    /// `None` if the topic does not exist.
    fn look_up(&self, topic: &Topic) -> Result<Option<TopicFound>, Error> {
        let asked = self.admin.inner().fetch_metadata(Some(topic.as_str()), self.remaining());
        let metadata = asked.map_err(|failed| self.failed(topic.as_str(), &failed))?;
        let Some(described) = metadata.topics().iter().find(|one| one.name() == topic.as_str()) else {
            return Ok(None);
        };
        match described.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                return Ok(None);
            }
            Some(code) => return Err(self.refused(topic.as_str(), code)),
        }
        let partitions = described.partitions();
        if let Some(leaderless) = partitions.iter().find(|partition| partition.leader() < 0) {
            let reason = format!("topic {topic}: partition {} has no leader", leaderless.id());
            return Err(Error::transient(self.operation).because(reason));
        }
        Ok(Some(TopicFound {
            topic: topic.clone(),
            partitions: partitions.len(),
            replication: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            min_insync_replicas: None,
            max_message_bytes: None,
        }))
    }

    /// Adds what only the right to read configurations tells.
    fn read_limits(&self, found: &mut [TopicFound]) -> Result<(), Error> {
        if found.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = found.iter().map(|one| one.topic.as_str().to_owned()).collect();
        let resources: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let options = AdminOptions::new().request_timeout(Some(self.remaining()));
        let described = Handle::current()
            .block_on(self.admin.describe_configs(&resources, &options))
            .map_err(|failed| self.failed("settings of topics", &failed))?;
        for (one, resource) in found.iter_mut().zip(described) {
            match resource {
                Ok(resource) => {
                    one.min_insync_replicas = number(&resource, "min.insync.replicas");
                    one.max_message_bytes = number(&resource, MAX_MESSAGE_BYTES);
                }
                Err(code) => debug!(topic = %one.topic, %code, "the settings of a topic are not known"),
            }
        }
        Ok(())
    }

    fn dead_letter_bytes(&self, new: &NewTopic) -> Result<Option<usize>, Error> {
        let said = new.config.iter().any(|(key, _)| key == MAX_MESSAGE_BYTES);
        let Some(source) = new.dead_letters_of.as_ref().filter(|_| !said) else { return Ok(None) };
        let found = self.describe(std::slice::from_ref(source))?;
        let Some(source) = found.get(source) else { return Err(self.missing(&[source])) };
        Ok(source.max_message_bytes.map(|bytes| bytes.saturating_add(PROVENANCE_BYTES)))
    }

    fn create_missing(&self, topics: Vec<NewTopic>) -> Result<(), Error> {
        let mut missing = Vec::new();
        for new in topics {
            if self.look_up(&new.topic)?.is_none() {
                missing.push(new);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }

        let native: Vec<_> = missing.iter().map(native).collect();
        let options = AdminOptions::new()
            .request_timeout(Some(self.remaining()))
            .operation_timeout(Some(self.remaining()));
        let created = Handle::current()
            .block_on(self.admin.create_topics(&native, &options))
            .map_err(|failed| self.failed("new topics", &failed))?;
        for result in created {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(self.refused(&name, code)),
            }
        }
        missing.iter().try_for_each(|new| self.await_leaders(&new.topic))
    }

    /// The controller has answered; the other brokers hear of it a little later.
    fn await_leaders(&self, topic: &Topic) -> Result<(), Error> {
        loop {
            match self.look_up(topic) {
                Ok(Some(_)) => return Ok(()),
                Err(error) if error.fault() == payflow_core::Fault::Permanent => return Err(error),
                waiting if self.remaining() < LOOK_INTERVAL => {
                    let reason = format!("topic {topic} was created, and is not known to all brokers yet");
                    return Err(waiting
                        .err()
                        .unwrap_or_else(|| Error::transient(self.operation).because(reason)));
                }
                _ => thread::sleep(LOOK_INTERVAL),
            }
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn failed(&self, what: &str, failed: &KafkaError) -> Error {
        self.refused(what, error::code_of(failed))
    }

    fn refused(&self, what: &str, code: RDKafkaErrorCode) -> Error {
        Error::new(error::admin(code), self.operation).because(format!("{what}: {code}"))
    }
}

fn native(new: &NewTopic) -> rdkafka::admin::NewTopic<'_> {
    let replication = TopicReplication::Fixed(new.replication.unwrap_or(CLUSTER_DEFAULT));
    let partitions = new.partitions.unwrap_or(CLUSTER_DEFAULT);
    let native = rdkafka::admin::NewTopic::new(new.topic.as_str(), partitions, replication);
    new.config.iter().fold(native, |native, (key, value)| native.set(key, value))
}

fn number(resource: &ConfigResource, name: &str) -> Option<usize> {
    resource.get(name)?.value.as_ref()?.parse().ok()
}

const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
/// Leaves a number to the cluster (KIP-464).
const CLUSTER_DEFAULT: i32 = -1;
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
