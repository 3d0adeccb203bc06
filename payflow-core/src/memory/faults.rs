//! Faults that a test has asked for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::MemoryCluster;
use super::cluster::{MeanwhileSends, Place, StoredRecord};
use super::config::DAY;
use crate::error::{Error, Fault};
use crate::record::Topic;

/// What happens to logs.
impl MemoryCluster {
    /// The next `count` records to `topic` are written, and their sends fail as [`Unknown`](Fault::Unknown): the receipt is
    /// lost on its way. Faults that are lined up go first.
    pub fn lose_next_receipts(&self, topic: &Topic, count: usize) {
        self.lock().faults.lose_receipts(topic, count);
    }

    /// Leaves a partition without a leader for so long, at most a day: sends to it fail as
    /// [`Transient`](Fault::Transient), and nothing of it is handed over.
    ///
    /// False if there is no such partition.
    pub fn move_leader(&self, topic: &Topic, partition: i32, lasts: Duration) -> bool {
        let place = Place { topic: topic.clone(), partition };
        self.change(|state, now| {
            state.cluster.move_leader(&place, now + lasts.min(DAY), MeanwhileSends::Refused)
        })
    }

    /// Passes over the next `count` offsets of a partition, as transaction markers and aborted transactions do. Nothing is
    /// ever delivered of them, and the partition's [end](crate::PartitionEnd) lies behind them.
    ///
    /// False if there is no such partition.
    pub fn append_gap(&self, topic: &Topic, partition: i32, count: u32) -> bool {
        let place = Place { topic: topic.clone(), partition };
        self.change(|state, _| state.cluster.append_gap(&place, count))
    }

    /// Deletes the records of a partition below `before_offset`, as retention does, whether a group has committed them or
    /// not, and gives them. Reading goes on at the oldest that is left; what was handed over can be finished all the same.
    pub fn expire_log(&self, topic: &Topic, partition: i32, before_offset: i64) -> Vec<StoredRecord> {
        let place = Place { topic: topic.clone(), partition };
        self.change(|state, _| state.cluster.expire_log(&place, before_offset))
    }

    /// Forgets what `group` has committed of a partition, as a broker does of a group without members after a while: the
    /// next owner starts at the oldest record.
    ///
    /// False, and nothing changed, if a member owns the partition or nothing is committed.
    pub fn expire_offsets(&self, group: &str, topic: &Topic, partition: i32) -> bool {
        let place = Place { topic: topic.clone(), partition };
        self.change(|state, _| state.cluster.expire_offsets(group, &place))
    }

    /// Adds partitions to a topic, until it has `total`. Groups that read it rebalance, and records of a key may go to
    /// another partition from now on.
    ///
    /// # Errors
    /// [`Permanent`](Fault::Permanent): there is no such topic, it is closed, or `total` is fewer than it has, or more than
    /// 10,000.
    pub fn add_partitions(&self, topic: &Topic, total: u32) -> Result<(), Error> {
        self.change(|state, now| state.cluster.add_partitions(topic, total, now))
            .map_err(|refusal| refusal.into_error("add partitions"))
    }
}

/// What is to fail next, and how.
#[derive(Debug, Default)]
pub(super) struct Faults {
    sends: BTreeMap<Topic, Script>,
    commits: BTreeMap<String, Script>,
    receives: BTreeMap<String, Script>,
    lost_receipts: BTreeMap<Topic, usize>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<Fault>,
    until_lifted: Option<Fault>,
}

impl Script {
    fn take(&mut self) -> Option<Fault> {
        self.next.pop_front().or(self.until_lifted)
    }
}

impl Faults {
    pub(super) fn line_up_sends(&mut self, topic: &Topic, faults: impl IntoIterator<Item = Fault>) {
        self.sends.entry(topic.clone()).or_default().next.extend(faults);
    }

    pub(super) fn refuse_sends(&mut self, topic: &Topic, fault: Option<Fault>) {
        self.sends.entry(topic.clone()).or_default().until_lifted = fault;
    }

    pub(super) fn line_up_commits(&mut self, group: &str, faults: impl IntoIterator<Item = Fault>) {
        self.commits.entry(group.to_owned()).or_default().next.extend(faults);
    }

    pub(super) fn line_up_receives(&mut self, group: &str, faults: impl IntoIterator<Item = Fault>) {
        self.receives.entry(group.to_owned()).or_default().next.extend(faults);
    }

    pub(super) fn lose_receipts(&mut self, topic: &Topic, count: usize) {
        let lost = self.lost_receipts.entry(topic.clone()).or_default();
        *lost = lost.saturating_add(count);
    }

    pub(super) fn next_receipt_is_lost(&mut self, topic: &Topic) -> bool {
        let lost = self.lost_receipts.get_mut(topic).filter(|lost| **lost > 0);
        if let Some(lost) = lost {
            *lost -= 1;
            return true;
        }
        false
    }

    pub(super) fn next_send(&mut self, topic: &Topic) -> Option<Fault> {
        self.sends.get_mut(topic)?.take()
    }

    pub(super) fn next_commit(&mut self, group: &str) -> Option<Fault> {
        self.commits.get_mut(group)?.take()
    }

    pub(super) fn next_receive(&mut self, group: &str) -> Option<Fault> {
        self.receives.get_mut(group)?.take()
    }
}
