//! Topics that exist, and what their set-up allows.

use std::fmt;

use payflow_core::{Error, Topic};

/// How much a dead letter may be larger than its record: 4 KiB of reasons, and what headers cost.
pub(super) const PROVENANCE_BYTES: usize = 8 * 1024;

/// Topics that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct TopicsFound(pub(super) Vec<TopicFound>);

/// A topic that exists, as it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicFound {
    /// Its name.
    pub topic: Topic,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many copies the partition with the fewest has.
    pub replication: usize,
    /// How many copies must be in sync for a record to be accepted (`min.insync.replicas`). `None` if this client may
    /// not know.
    pub min_insync_replicas: Option<usize>,
    /// The largest batch of records that it takes, in bytes (`max.message.bytes`). `None` if this client may not know.
    pub max_message_bytes: Option<usize>,
}

impl TopicsFound {
    /// The topic of that name.
    #[must_use]
    pub fn get(&self, topic: &Topic) -> Option<&TopicFound> {
        self.0.iter().find(|found| found.topic == *topic)
    }

    /// All of them, in the order in which they were asked for.
    pub fn iter(&self) -> std::slice::Iter<'_, TopicFound> {
        self.0.iter()
    }

    /// Looks whether every record of `source` fits into a record of `dead_letters`, with 8 KiB of reasons.
    ///
    /// A limit that this client may not know counts as sufficient.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): it does not; the cause says what to set. Or one was not found.
    pub fn check_dead_letters(&self, source: &Topic, dead_letters: &Topic) -> Result<(), Error> {
        let limit = |topic: &Topic| {
            let found = self.get(topic).ok_or_else(|| Unfit::NotChecked { topic: topic.clone() })?;
            Ok(found.max_message_bytes)
        };
        let fits = || match (limit(source)?, limit(dead_letters)?) {
            (Some(from), Some(to)) if to < from.saturating_add(PROVENANCE_BYTES) => {
                let needed = from.saturating_add(PROVENANCE_BYTES);
                Err(Unfit::TooSmall { topic: dead_letters.clone(), limit: to, source_limit: from, needed })
            }
            _ => Ok(()),
        };
        fits().map_err(|unfit| Error::permanent("check topics").because(unfit))
    }

    /// The topics in which an accepted record may have a single copy, with the reasons; `None` if there is none.
    pub(super) fn single_copies(&self) -> Option<String> {
        let risky: Vec<String> =
            self.0.iter().filter(|found| found.allows_single_copy()).map(shown).collect();
        (!risky.is_empty()).then(|| risky.join(", "))
    }
}

impl<'a> IntoIterator for &'a TopicsFound {
    type Item = &'a TopicFound;
    type IntoIter = std::slice::Iter<'a, TopicFound>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TopicFound {
    fn allows_single_copy(&self) -> bool {
        self.replication < 2 || self.min_insync_replicas.is_some_and(|replicas| replicas < 2)
    }
}

fn shown(found: &TopicFound) -> String {
    let replicas: &dyn fmt::Display = match &found.min_insync_replicas {
        Some(replicas) => replicas,
        None => &"unknown",
    };
    format!("{} (replication factor {}, min.insync.replicas {replicas})", found.topic, found.replication)
}

#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("topic {topic} was not looked at: name it in the call of `check`")]
    NotChecked { topic: Topic },
    #[error(
        "dead-letter topic {topic} takes {limit} bytes, and its source {source_limit}: set its max.message.bytes to {needed}"
    )]
    TooSmall { topic: Topic, limit: usize, source_limit: usize, needed: usize },
}

#[cfg(test)]
mod tests {
    use payflow_core::Fault;

    use super::*;

    fn found(name: &str, replication: usize, min_insync: usize, bytes: usize) -> TopicFound {
        TopicFound {
            topic: Topic::parse(name).unwrap(),
            partitions: 1,
            replication,
            min_insync_replicas: Some(min_insync),
            max_message_bytes: Some(bytes),
        }
    }

    #[test]
    fn a_single_copy_is_named_with_its_reason() {
        let found = TopicsFound(vec![found("a", 3, 2, 1), found("b", 3, 1, 1), found("c", 1, 2, 1)]);
        assert_eq!(
            found.single_copies().unwrap(),
            "b (replication factor 3, min.insync.replicas 1), c (replication factor 1, min.insync.replicas 2)"
        );
        assert_eq!(TopicsFound(found.0[..1].to_vec()).single_copies(), None);
    }

    #[test]
    fn a_dead_letter_topic_below_its_source_and_8_kib_is_refused_with_the_remedy() {
        let topics = |bytes| TopicsFound(vec![found("a", 1, 1, 1_048_588), found("b", 1, 1, bytes)]);
        let check = |bytes| {
            let (source, dead) = (Topic::parse("a").unwrap(), Topic::parse("b").unwrap());
            topics(bytes).check_dead_letters(&source, &dead)
        };
        assert!(check(1_056_780).is_ok());
        let error = check(1_056_779).unwrap_err();
        assert_eq!(error.fault(), Fault::Permanent);
        assert!(
            error.chain().contains("dead-letter topic b") && error.chain().contains("to 1056780"),
            "{error:?}"
        );
    }

    #[test]
    fn an_unknown_limit_refuses_nothing_and_an_unknown_topic_is_an_error() {
        let mut unknown = found("a", 1, 1, 0);
        unknown.max_message_bytes = None;
        let topics = TopicsFound(vec![unknown, found("b", 1, 1, 1)]);
        let topic = |name| Topic::parse(name).unwrap();
        assert!(topics.check_dead_letters(&topic("a"), &topic("b")).is_ok());
        assert!(topics.check_dead_letters(&topic("c"), &topic("b")).is_err());
    }
}
