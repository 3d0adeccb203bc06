//! A topic that is to be.

use payflow_core::Topic;

/// A topic to be created where it does not exist. What is not said is left to the cluster's defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct NewTopic {
    pub(super) topic: Topic,
    pub(super) partitions: Option<i32>,
    pub(super) replication: Option<i32>,
    pub(super) config: Vec<(String, String)>,
    pub(super) dead_letters_of: Option<Topic>,
}

impl NewTopic {
    /// A topic set up as the cluster does by default.
    pub fn new(topic: &Topic) -> Self {
        Self {
            topic: topic.clone(),
            partitions: None,
            replication: None,
            config: Vec::new(),
            dead_letters_of: None,
        }
    }

    /// A topic for the dead letters of `source`, which exists or is created by the same call: its `max.message.bytes` is
    /// the source's and 8 KiB, so that the largest record fits with the reasons why it is dead.
    pub fn dead_letters(topic: &Topic, source: &Topic) -> Self {
        Self { dead_letters_of: Some(source.clone()), ..Self::new(topic) }
    }

    /// How many partitions it gets. Adding some later moves keys, which breaks the order of records under way.
    pub const fn with_partitions(mut self, partitions: i32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// How many copies of each record there are. Three, with `min.insync.replicas` 2, survive the loss of one broker
    /// without a pause.
    pub const fn with_replication(mut self, replicas: i32) -> Self {
        self.replication = Some(replicas);
        self
    }

    /// A setting of the topic, by Kafka's name, such as `min.insync.replicas` or `retention.ms`.
    pub fn with_config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }
}
