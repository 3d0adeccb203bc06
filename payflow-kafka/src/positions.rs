//! Where partitions begin and end, and what a group has committed of them. The calls block: they belong on a thread that
//! may.

use std::thread;
use std::time::{Duration, Instant};

use payflow_core::{Error, FinishedBeyond, InvalidMetadata, Topic};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::config::KafkaConfig;
use crate::error;
use crate::native::commit_metadata;

/// A connection to a cluster that looks as a member of a group would, and joins none.
pub(crate) struct Positions {
    consumer: BaseConsumer,
    operation: &'static str,
    deadline: Instant,
}

/// What a group has committed of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    /// What is finished beyond it, or why its metadata tells nothing.
    pub(crate) finished: Result<FinishedBeyond, InvalidMetadata>,
}

/// Settings of a client that reads for `group` and does not join it.
pub(crate) fn client_config(
    shared: &KafkaConfig,
    group: &str,
    operation: &'static str,
) -> Result<ClientConfig, Error> {
    let refused = |invalid| Error::permanent(operation).because(invalid);
    if group.is_empty() || group.contains('\0') {
        return Err(Error::permanent(operation)
            .because("group: is empty or holds a NUL: give the name of a consumer group"));
    }
    let mut config = shared.client_config().map_err(refused)?;
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Its lines would gather in a queue that nobody reads.
        .set_log_level(RDKafkaLogLevel::Emerg);
    Ok(config)
}

impl Positions {
    pub(crate) fn open(
        config: &ClientConfig,
        operation: &'static str,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let consumer = config.create().map_err(|refused| error::create(operation, refused))?;
        Ok(Self { consumer, operation, deadline: Instant::now() + timeout })
    }

    /// The partitions of every topic of the cluster but Kafka's own, in the order of topic and partition.
    pub(crate) fn all_partitions(&self) -> Result<Vec<(Topic, i32)>, Error> {
        let asked = self.consumer.fetch_metadata(None, self.remaining());
        let metadata = asked.map_err(|failed| self.failed("topics", &failed))?;
        let mut places = Vec::new();
        for found in metadata.topics().iter().filter(|found| !found.name().starts_with("__")) {
            // One that may not be looked at has no partitions here.
            if let Ok(topic) = Topic::parse(found.name()) {
                places.extend(found.partitions().iter().map(|partition| (topic.clone(), partition.id())));
            }
        }
        places.sort_unstable();
        Ok(places)
    }

    /// The partitions of a topic, which must exist.
    pub(crate) fn partitions(&self, topic: &Topic) -> Result<Vec<i32>, Error> {
        let asked = self.consumer.fetch_metadata(Some(topic.as_str()), self.remaining());
        let metadata = asked.map_err(|failed| self.failed(topic.as_str(), &failed))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic.as_str());
        let code = found.map_or(Some(RDKafkaErrorCode::UnknownTopic), |found| found.error().map(Into::into));
        match code {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                let reason = format!("topic {topic} does not exist: look at its name, or create it");
                return Err(Error::permanent(self.operation).because(reason));
            }
            Some(code) => return Err(self.refused(topic.as_str(), code)),
        }
        let mut partitions: Vec<i32> = found
            .into_iter()
            .flat_map(|found| found.partitions())
            .map(rdkafka::metadata::MetadataPartition::id)
            .collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// The oldest offset of a partition, and the one behind the newest.
    pub(crate) fn bounds(&self, topic: &Topic, partition: i32) -> Result<(i64, i64), Error> {
        let asked = self.consumer.fetch_watermarks(topic.as_str(), partition, self.remaining());
        asked.map_err(|failed| self.failed(&format!("{topic}/{partition}"), &failed))
    }

    /// What the group has committed of each of these, in their order; `None` where it has committed nothing.
    pub(crate) fn committed(&self, partitions: &[(Topic, i32)]) -> Result<Vec<Option<Committed>>, Error> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            list.add_partition(topic.as_str(), *partition);
        }
        if list.count() == 0 {
            return Ok(Vec::new());
        }
        let list = self.ask_committed(&list)?;
        let elements = list.elements();
        let committed = elements.iter().zip(commit_metadata(&list)).map(|(element, metadata)| {
            let offset = element.offset().to_raw().filter(|offset| *offset >= 0)?;
            // What is not UTF-8 is foreign, as any text is that payflow did not write.
            let text = std::str::from_utf8(metadata).unwrap_or("\u{fffd}");
            Some(Committed { offset, finished: FinishedBeyond::decode(offset, text) })
        });
        Ok(committed.collect())
    }

    fn ask_committed(&self, list: &TopicPartitionList) -> Result<TopicPartitionList, Error> {
        loop {
            let asked = self.consumer.committed_offsets(list.clone(), self.remaining());
            let checked = asked.and_then(|list| {
                list.elements()
                    .iter()
                    .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)?;
                Ok(list)
            });
            match checked {
                Ok(list) => return Ok(list),
                // The group moves to another broker, or the one that it is with has just started.
                Err(failed) if is_moving(error::code_of(&failed)) && self.remaining() > ASK_PAUSE => {
                    thread::sleep(ASK_PAUSE);
                }
                Err(failed) => return Err(self.failed("committed offsets", &failed)),
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

const fn is_moving(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::NotCoordinator
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::CoordinatorLoadInProgress
    )
}

/// Between two questions for committed offsets.
const ASK_PAUSE: Duration = Duration::from_millis(100);
