//! The model as the simulation drives it: one topic, one group, no transport around it.

use std::time::Instant;

use super::commit::{Commit, Committed};
use super::{Cluster, MeanwhileSends, MemberId, Place, Received};
use crate::consumer::{AckToken, Inbound, Room};
use crate::error::Error;
use crate::memory::config::MemoryConfig;
use crate::memory::refusal::Refusal;
use crate::offsets::FinishedBeyond;
use crate::record::{Receipt, Record, Topic};

/// A cluster with one topic and one group.
#[derive(Debug)]
pub(crate) struct SimulatedCluster {
    cluster: Cluster,
    topic: Topic,
}

/// A commit on its way.
#[derive(Debug)]
pub(crate) struct CommitOnItsWay(Commit);

/// What came of a send, and what its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    Written(Receipt),
    /// Not written, and the sender knows.
    Refused,
    /// Written or not: the sender does not know.
    Unanswered(Option<Receipt>),
}

const GROUP: &str = "g";

impl SimulatedCluster {
    pub(crate) fn new(config: MemoryConfig, topic: Topic, partitions: u32) -> Result<Self, Error> {
        let mut cluster = Cluster::new(config);
        cluster.create_topic(&topic, partitions).map_err(|refusal| refusal.into_error("create topic"))?;
        Ok(Self { cluster, topic })
    }

    pub(crate) fn append(&mut self, record: Record, written_at_ms: i64, now: Instant) -> Sent {
        self.cluster.append(record, written_at_ms, now).map_or_else(Sent::of, Sent::Written)
    }

    /// The answer to it is lost.
    pub(crate) fn append_unanswered(&mut self, record: Record, written_at_ms: i64, now: Instant) -> Sent {
        Sent::of(self.cluster.append_unanswered(record, written_at_ms, now))
    }

    /// So many offsets are passed over.
    pub(crate) fn append_gap(&mut self, partition: i32, count: u32) {
        self.cluster.append_gap(&self.place(partition), count);
    }

    /// Deletes the records whose offsets are not to be kept, and gives these.
    pub(crate) fn compact(&mut self, partition: i32, keep: impl Fn(i64) -> bool) -> Vec<i64> {
        let place = self.place(partition);
        let deleted = self.cluster.compact(&place, |record| keep(record.offset));
        deleted.iter().map(|record| record.offset).collect()
    }

    /// Deletes the records below an offset, and gives theirs.
    pub(crate) fn expire_log(&mut self, partition: i32, before_offset: i64) -> Vec<i64> {
        let place = self.place(partition);
        let deleted = self.cluster.expire_log(&place, before_offset);
        deleted.iter().map(|record| record.offset).collect()
    }

    /// False if a member owns the partition, or nothing was committed.
    pub(crate) fn expire_offsets(&mut self, partition: i32) -> bool {
        let place = self.place(partition);
        self.cluster.expire_offsets(GROUP, &place)
    }

    pub(crate) fn move_leader(&mut self, partition: i32, until: Instant, sends: MeanwhileSends) {
        let place = self.place(partition);
        self.cluster.move_leader(&place, until, sends);
    }

    /// The offsets there are: the oldest record's, and behind the last.
    pub(crate) fn offsets(&self, partition: i32) -> std::ops::Range<i64> {
        let log = self.cluster.logs.partition(&self.place(partition));
        log.map_or(0..0, |log| log.start()..log.end())
    }

    pub(crate) fn add_partitions(&mut self, total: u32, now: Instant) -> Result<(), Error> {
        let added = self.cluster.add_partitions(&self.topic, total, now);
        added.map_err(|refusal| refusal.into_error("add partitions"))
    }

    pub(crate) fn join(&mut self, now: Instant) -> Result<MemberId, Error> {
        let topics = [self.topic.clone()];
        self.cluster.join(GROUP, &topics, now).map_err(|refusal| refusal.into_error("join group"))
    }

    pub(crate) fn leave(&mut self, member: MemberId, now: Instant) {
        self.cluster.leave(member, now);
    }

    pub(crate) fn expel(&mut self, member: MemberId, now: Instant) -> bool {
        self.cluster.expel(member, now)
    }

    /// `None` if something was handed over; otherwise when to ask again in any case, if ever.
    pub(crate) fn receive(
        &mut self,
        member: MemberId,
        into: &mut Inbound,
        room: Room,
        now: Instant,
    ) -> Option<Option<Instant>> {
        match self.cluster.receive(member, into, room, now) {
            Received::Something => None,
            Received::Nothing { wake_at } => Some(wake_at),
        }
    }

    pub(crate) fn acknowledge(
        &mut self,
        member: MemberId,
        finished: &[AckToken],
        given_up: &[AckToken],
        now: Instant,
    ) {
        self.cluster.acknowledge(member, finished, given_up, now);
    }

    pub(crate) fn begin_commit(&mut self, member: MemberId) -> Result<CommitOnItsWay, Error> {
        let begun = self.cluster.begin_commit(member);
        begun.map(CommitOnItsWay).map_err(|refusal| refusal.into_error("commit"))
    }

    pub(crate) fn end_commit(
        &mut self,
        member: MemberId,
        commit: &CommitOnItsWay,
        now: Instant,
    ) -> Result<(), Error> {
        let ended = self.cluster.end_commit(member, &commit.0, now);
        ended.map_err(|refusal| refusal.into_error("commit"))
    }

    /// A commit arrives, and its member hears nothing of it.
    pub(crate) fn end_commit_unanswered(&mut self, member: MemberId, commit: &CommitOnItsWay, now: Instant) {
        self.cluster.end_commit_unanswered(member, &commit.0, now);
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        self.cluster.advance(now);
    }

    pub(crate) const fn take_touched(&mut self) -> bool {
        self.cluster.take_touched()
    }

    /// Who owns a partition, and the slot and generation by which it does.
    pub(crate) fn owner(&self, partition: i32) -> Option<(MemberId, u32, u32)> {
        self.cluster.groups.get(GROUP)?.owner(&self.place(partition))
    }

    pub(crate) fn owns(&self, member: MemberId, token: AckToken) -> bool {
        self.cluster.groups.get(GROUP).is_some_and(|group| group.owns(member, token))
    }

    /// False from an expulsion until it receives again.
    pub(crate) fn has_joined(&self, member: MemberId) -> bool {
        self.cluster.groups.get(GROUP).is_some_and(|group| group.has_joined(member))
    }

    /// The committed offset and its metadata.
    pub(crate) fn committed(&self, partition: i32) -> Option<(i64, &str)> {
        let committed = self.cluster.committed(GROUP, &self.topic, partition)?;
        Some((committed.offset, &committed.metadata))
    }

    /// What a new owner would take for finished: everything below the offset, and these.
    pub(crate) fn resumes(&self, partition: i32) -> (i64, FinishedBeyond) {
        let committed = self.cluster.committed(GROUP, &self.topic, partition);
        committed.map_or((0, FinishedBeyond::none()), |committed| {
            (committed.offset, committed.finished_beyond().unwrap_or_else(|_| FinishedBeyond::none()))
        })
    }

    /// Leaves the offset as it is and replaces the metadata. False if a member owns the partition.
    pub(crate) fn commit_foreign(&mut self, partition: i32, metadata: &str) -> bool {
        let offset = self.committed(partition).map_or(0, |(offset, _)| offset);
        let place = self.place(partition);
        self.cluster.commit_foreign(GROUP, place, Committed { offset, metadata: metadata.to_owned() })
    }

    fn place(&self, partition: i32) -> Place {
        Place { topic: self.topic.clone(), partition }
    }
}

impl Sent {
    fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unanswered { written } => Self::Unanswered(written),
            _ => Self::Refused,
        }
    }
}
