//! A pure model of a cluster: topics, logs, groups, generations and rebalances.
//!
//! It owns no clock, task, I/O or random source: calls bring `now`, and equal calls give equal outcomes. What a member
//! holds is part of the model, as if each consumer had a poll thread of its own: a partition is committed and let go at
//! its deadline whether its owner is asking or not.

mod assign;
mod claim;
mod commit;
mod group;
mod leadership;
mod log;
mod member;
mod partition_log;
mod retention;
#[cfg(feature = "simulation")]
mod simulated;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

pub(crate) use claim::Place;
pub(crate) use commit::{Commit, Committed, IgnoredMetadata};
pub(crate) use leadership::MeanwhileSends;
pub use log::StoredRecord;
pub use member::MemberId;
#[cfg(feature = "simulation")]
pub(crate) use simulated::{CommitOnItsWay, Sent, SimulatedCluster};

use super::config::MemoryConfig;
use super::refusal::Refusal;
use crate::consumer::{AckToken, Inbound, PartitionProgress, Room};
use crate::record::{Receipt, Record, Topic};
use group::Group;
use log::Logs;

pub(super) const PARTITIONS_MAX: u32 = 10_000;

#[derive(Debug)]
pub(crate) struct Cluster {
    config: MemoryConfig,
    logs: Logs,
    groups: BTreeMap<String, Group>,
    group_of: BTreeMap<MemberId, String>,
    members_ever: u64,
    touched: bool,
    ignored: Vec<IgnoredMetadata>,
}

/// What a receive came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Something was handed over.
    Something,
    /// Nothing was: ask again once the cluster was touched, and at `wake_at`.
    Nothing { wake_at: Option<Instant> },
}

impl Cluster {
    pub(crate) const fn new(config: MemoryConfig) -> Self {
        Self {
            config,
            logs: Logs::new(),
            groups: BTreeMap::new(),
            group_of: BTreeMap::new(),
            members_ever: 0,
            touched: false,
            ignored: Vec::new(),
        }
    }

    pub(crate) fn create_topic(&mut self, topic: &Topic, partitions: u32) -> Result<(), Refusal> {
        self.logs.create(topic, partitions)
    }

    pub(crate) fn close_topic(&mut self, topic: &Topic) -> Result<(), Refusal> {
        self.touched = true;
        self.logs.close(topic)
    }

    /// Adds partitions to a topic, up to `total` of them. Groups that read it rebalance.
    pub(crate) fn add_partitions(&mut self, topic: &Topic, total: u32, now: Instant) -> Result<(), Refusal> {
        if self.logs.add_partitions(topic, total)? {
            for group in self.groups.values_mut() {
                group.add_partitions(topic, total as usize, &self.logs, &self.config, now);
                self.touched |= group.take_touched();
                self.ignored.append(group.ignored());
            }
        }
        Ok(())
    }

    /// Appends a record to the partition of its key; `written_at_ms` is its time if it has none.
    pub(crate) fn append(
        &mut self,
        record: Record,
        written_at_ms: i64,
        now: Instant,
    ) -> Result<Receipt, Refusal> {
        let capacity_bytes = self.config.capacity_bytes;
        if !self.logs.has_room(&record, capacity_bytes)? {
            self.trim();
            if !self.logs.has_room(&record, capacity_bytes)? {
                return Err(Refusal::Full { capacity_bytes });
            }
        }
        self.touched = true;
        self.logs.append(record, written_at_ms, now)
    }

    pub(crate) fn join(&mut self, group: &str, topics: &[Topic], now: Instant) -> Result<MemberId, Refusal> {
        if topics.is_empty() {
            return Err(Refusal::NoTopics);
        }
        for topic in topics {
            self.logs.partitions(topic)?;
        }
        self.members_ever += 1;
        let id = MemberId::new(self.members_ever);
        self.group_of.insert(id, group.to_owned());
        let joined = self.groups.entry(group.to_owned()).or_default();
        joined.join(id, topics.to_vec(), &self.logs, &self.config, now)?;
        self.touched |= joined.take_touched();
        self.ignored.append(joined.ignored());
        Ok(id)
    }

    /// The member is gone for good.
    pub(crate) fn leave(&mut self, member: MemberId, now: Instant) {
        self.with_group(member, |group, logs, config| group.leave(member, logs, config, now));
        self.group_of.remove(&member);
    }

    /// The group has not heard of the member: it lost everything, and joins anew with its next receive.
    pub(crate) fn expel(&mut self, member: MemberId, now: Instant) -> bool {
        self.with_group(member, |group, logs, config| group.expel(member, logs, config, now)).unwrap_or(false)
    }

    pub(crate) fn group_of(&self, member: MemberId) -> Option<&str> {
        self.group_of.get(&member).map(String::as_str)
    }

    pub(crate) fn receive(
        &mut self,
        member: MemberId,
        into: &mut Inbound,
        room: Room,
        now: Instant,
    ) -> Received {
        self.with_group(member, |group, logs, config| group.receive(member, into, room, logs, config, now))
            .unwrap_or(Received::Nothing { wake_at: None })
    }

    pub(crate) fn acknowledge(
        &mut self,
        member: MemberId,
        finished: &[AckToken],
        given_up: &[AckToken],
        now: Instant,
    ) {
        self.with_group(member, |group, logs, config| {
            group.acknowledge(member, finished, given_up, logs, config, now);
        });
    }

    /// How far the member is with each partition that it holds.
    pub(crate) fn progress(&self, member: MemberId, into: &mut Vec<PartitionProgress>) {
        let group = self.group_of.get(&member).and_then(|group| self.groups.get(group));
        if let Some(group) = group {
            group.progress(member, &self.logs, into);
        }
    }

    /// What was acknowledged by now and is not committed.
    pub(crate) fn begin_commit(&mut self, member: MemberId) -> Result<Commit, Refusal> {
        self.with_group(member, |group, _, _| group.begin_commit(member))
            .unwrap_or(Err(Refusal::IllegalGeneration))
    }

    /// A commit arrives. What a later commit of the member has made durable before stays so.
    ///
    /// One that never arrives is only forgotten; one that arrives when its member has given it up changes what is
    /// committed all the same.
    pub(crate) fn end_commit(
        &mut self,
        member: MemberId,
        commit: &Commit,
        now: Instant,
    ) -> Result<(), Refusal> {
        let answered = true;
        self.with_group(member, |group, logs, config| {
            group.end_commit(member, commit, answered, logs, config, now)
        })
        .unwrap_or(Err(Refusal::IllegalGeneration))
    }

    /// A commit arrives, and its member hears nothing of it: it may be durable, and the next one repeats it.
    #[allow(dead_code, reason = "only simulations ask for it")]
    pub(crate) fn end_commit_unanswered(&mut self, member: MemberId, commit: &Commit, now: Instant) {
        let answered = false;
        self.with_group(member, |group, logs, config| {
            let _ = group.end_commit(member, commit, answered, logs, config, now);
        });
    }

    /// Does what is due at `now`, in all groups.
    pub(crate) fn advance(&mut self, now: Instant) {
        for group in self.groups.values_mut() {
            group.advance(&self.logs, &self.config, now);
            self.touched |= group.take_touched();
            self.ignored.append(group.ignored());
        }
    }

    pub(crate) fn committed(&self, group: &str, topic: &Topic, partition: i32) -> Option<&Committed> {
        let topic = topic.clone();
        self.groups.get(group)?.committed(&Place { topic, partition })
    }

    /// Commits as a program does that is no member. False if there is no such partition, or a member owns it.
    pub(crate) fn commit_foreign(&mut self, group: &str, place: Place, committed: Committed) -> bool {
        let exists = self.logs.partition(&place).is_some();
        exists && self.groups.entry(group.to_owned()).or_default().commit_foreign(place, committed)
    }

    pub(crate) fn lag(&self, group: &str, topic: &Topic) -> u64 {
        let logs = self.logs.partitions(topic).unwrap_or_default();
        (0..)
            .zip(logs)
            .map(|(partition, log)| {
                let committed =
                    self.committed(group, topic, partition).map_or(0, |committed| committed.offset);
                log.from(committed).len() as u64
            })
            .sum()
    }

    pub(crate) fn records(&self, topic: &Topic) -> Vec<StoredRecord> {
        let logs = self.logs.partitions(topic).unwrap_or_default();
        logs.iter().flat_map(|log| log.from(0)).cloned().collect()
    }

    /// Somebody may wait for what was changed beside the model.
    pub(crate) const fn touch(&mut self) {
        self.touched = true;
    }

    /// Whether anything changed, since it was last asked, that somebody may wait for.
    pub(crate) const fn take_touched(&mut self) -> bool {
        std::mem::replace(&mut self.touched, false)
    }

    /// Metadata that was ignored since it was last asked.
    pub(crate) fn take_ignored(&mut self) -> Vec<IgnoredMetadata> {
        std::mem::take(&mut self.ignored)
    }

    fn with_group<T>(
        &mut self,
        member: MemberId,
        action: impl FnOnce(&mut Group, &Logs, &MemoryConfig) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(self.group_of.get(&member)?)?;
        let outcome = action(group, &self.logs, &self.config);
        self.touched |= group.take_touched();
        self.ignored.append(group.ignored());
        Some(outcome)
    }
}
