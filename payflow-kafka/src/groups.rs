//! Groups: how far each is, and what it has finished out of order.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use payflow_core::{Error, FinishedBeyond, InvalidMetadata, Topic};

use crate::config::KafkaConfig;
use crate::positions::{Committed, Positions, client_config};

const OPERATION: &str = "look up lag";

/// Looks at consumer groups from outside: joins none, commits nothing.
///
/// It connects for each call, and keeps nothing open between them.
///
/// ```no_run
/// # async fn example() -> Result<(), payflow_core::Error> {
/// use payflow_kafka::{KafkaConfig, KafkaGroups};
///
/// let groups = KafkaGroups::new(&KafkaConfig::new("kafka-1:9092"));
/// for partition in groups.lag("notification-service", &[]).await? {
///     println!("{}/{}: {}", partition.topic, partition.partition, partition.lag());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct KafkaGroups {
    config: KafkaConfig,
    timeout: Duration,
}

/// How far a group is in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionLag {
    /// The topic.
    pub topic: Topic,
    /// The partition of it.
    pub partition: i32,
    /// The offset that the group has committed: everything below is finished. `None`: it has committed nothing here, and
    /// begins at the oldest record.
    pub committed: Option<i64>,
    /// The oldest offset that there is.
    pub first: i64,
    /// The offset behind the newest.
    pub end: i64,
    /// What is finished beyond the committed offset.
    pub finished_beyond: FinishedBeyond,
    /// Why the commit's metadata tells nothing of that; another program may have written it.
    pub metadata: Option<InvalidMetadata>,
}

impl KafkaGroups {
    /// Groups of this cluster. Does not connect yet.
    pub fn new(config: &KafkaConfig) -> Self {
        Self { config: config.clone(), timeout: Duration::from_secs(10) }
    }

    /// How long a call may take. Taken as 1 s to 1 h, default 10 s.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        self
    }

    /// How far `group` is in each partition of `topics`, in the order of topic and partition. Without topics: of every
    /// topic of which it has committed something.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): a setting is refused, or a topic is missing or may not be looked at;
    /// the cause names it. [`Transient`](payflow_core::Fault::Transient): no broker answered in time.
    ///
    /// # Cancel safety
    /// Changes nothing, so it may be dropped; the question goes on in the background until its timeout.
    pub async fn lag(&self, group: &str, topics: &[Topic]) -> Result<Vec<PartitionLag>, Error> {
        let config = client_config(&self.config, group, OPERATION)?;
        let (mut topics, timeout) = (topics.to_vec(), self.timeout);
        topics.sort_unstable();
        topics.dedup();
        let asked = tokio::task::spawn_blocking(move || {
            let positions = Positions::open(&config, OPERATION, timeout)?;
            look(&positions, &topics)
        });
        asked.await.unwrap_or_else(|ended| Err(Error::transient(OPERATION).because(ended)))
    }
}

impl PartitionLag {
    /// How many offsets there are from the committed one on.
    #[must_use]
    pub fn lag(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.from())).unwrap_or(0)
    }

    /// How many of those are finished already.
    #[must_use]
    pub fn finished(&self) -> u64 {
        let ranges = self.finished_beyond.ranges().iter();
        let within = ranges.map(|range| range.end.min(self.end).saturating_sub(range.start.max(self.from())));
        within.filter_map(|length| u64::try_from(length).ok()).sum()
    }

    /// The oldest offset that is not finished; `None` if all are.
    #[must_use]
    pub fn oldest_unfinished(&self) -> Option<i64> {
        let mut oldest = self.from();
        for range in self.finished_beyond.ranges() {
            if range.start <= oldest {
                oldest = oldest.max(range.end);
            }
        }
        (oldest < self.end).then_some(oldest)
    }

    /// Where the group goes on: what was deleted before it was handled never comes.
    fn from(&self) -> i64 {
        self.committed.unwrap_or(self.first).max(self.first)
    }
}

impl fmt::Debug for KafkaGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaGroups").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

fn look(positions: &Positions, topics: &[Topic]) -> Result<Vec<PartitionLag>, Error> {
    let mut places = Vec::new();
    for topic in topics {
        places.extend(positions.partitions(topic)?.into_iter().map(|partition| (topic.clone(), partition)));
    }
    if topics.is_empty() {
        places = positions.all_partitions()?;
    }
    let committed = positions.committed(&places)?;
    // Of a topic that the group has to do with, all partitions are told.
    let with_commits: HashSet<&Topic> = places
        .iter()
        .zip(&committed)
        .filter(|(_, committed)| committed.is_some())
        .map(|((topic, _), _)| topic)
        .collect();
    let mut lags = Vec::new();
    for ((topic, partition), committed) in places.iter().zip(&committed) {
        if !topics.is_empty() || with_commits.contains(topic) {
            let bounds = positions.bounds(topic, *partition)?;
            lags.push(lag_of(topic, *partition, bounds, committed.clone()));
        }
    }
    Ok(lags)
}

fn lag_of(
    topic: &Topic,
    partition: i32,
    (first, end): (i64, i64),
    committed: Option<Committed>,
) -> PartitionLag {
    let offset = committed.as_ref().map(|committed| committed.offset);
    let (finished_beyond, metadata) = match committed.map(|committed| committed.finished) {
        None => (FinishedBeyond::none(), None),
        Some(Ok(finished)) => (finished, None),
        Some(Err(reason)) => (FinishedBeyond::none(), Some(reason)),
    };
    PartitionLag { topic: topic.clone(), partition, committed: offset, first, end, finished_beyond, metadata }
}

#[cfg(test)]
mod tests {
    use payflow_core::{OffsetTracker, Received};

    use super::*;

    fn lag(bounds: (i64, i64), committed: Option<(i64, &[i64])>) -> PartitionLag {
        let committed = committed.map(|(offset, finished)| {
            let mut tracker = OffsetTracker::new(offset);
            for next in offset..=finished.iter().copied().max().unwrap_or(offset) {
                assert_eq!(tracker.receive(next), Received::New);
            }
            finished.iter().for_each(|offset| assert!(tracker.finish(*offset)));
            Committed { offset, finished: Ok(tracker.finished_beyond()) }
        });
        lag_of(&Topic::parse("t").unwrap(), 0, bounds, committed)
    }

    #[test]
    fn what_finished_out_of_order_is_part_of_the_lag_and_told_apart() {
        let lag = lag((0, 20), Some((5, &[6, 7, 10])));
        assert_eq!((lag.lag(), lag.finished(), lag.oldest_unfinished()), (15, 3, Some(5)));
    }

    #[test]
    fn a_group_that_committed_nothing_has_everything_that_is_there_before_it() {
        let lag = lag((7, 20), None);
        assert_eq!((lag.lag(), lag.finished(), lag.oldest_unfinished()), (13, 0, Some(7)));
    }

    #[test]
    fn what_was_deleted_before_it_was_handled_is_no_lag() {
        let lag = lag((8, 20), Some((5, &[6, 7, 8, 10])));
        assert_eq!((lag.lag(), lag.finished(), lag.oldest_unfinished()), (12, 2, Some(9)));
    }

    #[test]
    fn a_group_that_is_through_has_no_lag_nor_has_one_ahead_of_a_topic_that_was_made_again() {
        for lag in [lag((0, 20), Some((20, &[]))), lag((0, 3), Some((20, &[25]))), lag((0, 0), None)] {
            assert_eq!((lag.lag(), lag.finished(), lag.oldest_unfinished()), (0, 0, None), "{lag:?}");
        }
    }
}
