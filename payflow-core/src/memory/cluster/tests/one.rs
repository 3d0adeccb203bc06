//! One group that reads one topic.

use std::time::{Duration, Instant};

use crate::consumer::{AckToken, Inbound, Room};
use crate::memory::cluster::{Cluster, Commit, MemberId, Place};
use crate::memory::config::MemoryConfig;
use crate::memory::refusal::Refusal;
use crate::record::{Receipt, Record, Topic};

const GROUP: &str = "g";

pub(super) struct One {
    pub(super) cluster: Cluster,
    pub(super) topic: Topic,
    pub(super) now: Instant,
}

impl One {
    pub(super) fn new(config: MemoryConfig, partitions: u32) -> Self {
        let (topic, mut cluster) = (Topic::parse("t").unwrap(), Cluster::new(config));
        cluster.create_topic(&topic, partitions).unwrap();
        Self { cluster, topic, now: Instant::now() }
    }

    /// One partition that holds so many records, and a member that was handed them.
    pub(super) fn read(records: usize) -> (Self, MemberId, Vec<AckToken>) {
        let mut one = Self::new(MemoryConfig::new(), 1);
        one.send_all(records);
        let member = one.join();
        let tokens = tokens(&one.receive(member));
        assert_eq!(tokens.len(), records);
        (one, member, tokens)
    }

    pub(super) fn place(&self, partition: i32) -> Place {
        Place { topic: self.topic.clone(), partition }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.cluster.advance(self.now);
    }

    /// Sends a record without a key: to each partition in turn.
    pub(super) fn send(&mut self) -> Result<Receipt, Refusal> {
        self.cluster.append(Record::new(self.topic.clone(), "value"), 0, self.now)
    }

    pub(super) fn send_all(&mut self, records: usize) {
        for _ in 0..records {
            let _ = self.send().unwrap();
        }
    }

    pub(super) fn join(&mut self) -> MemberId {
        self.cluster.join(GROUP, std::slice::from_ref(&self.topic), self.now).unwrap()
    }

    pub(super) fn receive(&mut self, member: MemberId) -> Inbound {
        let mut into = Inbound::default();
        let room = Room { records: 100, bytes: usize::MAX, first_may_exceed: true };
        let _ = self.cluster.receive(member, &mut into, room, self.now);
        into
    }

    pub(super) fn finish(&mut self, member: MemberId, tokens: &[AckToken]) {
        self.cluster.acknowledge(member, tokens, &[], self.now);
    }

    /// What of it is finished begins to be committed.
    pub(super) fn finish_and_begin(&mut self, member: MemberId, tokens: &[AckToken]) -> Commit {
        self.finish(member, tokens);
        self.cluster.begin_commit(member).unwrap()
    }

    pub(super) fn end_commit(&mut self, member: MemberId, commit: &Commit) -> Result<(), Refusal> {
        self.cluster.end_commit(member, commit, self.now)
    }

    pub(super) fn commit(&mut self, member: MemberId) -> Result<(), Refusal> {
        let commit = self.cluster.begin_commit(member)?;
        self.end_commit(member, &commit)
    }

    pub(super) fn committed(&self, partition: i32) -> Option<i64> {
        let committed = self.cluster.committed(GROUP, &self.topic, partition);
        committed.map(|committed| committed.offset)
    }

    /// What the next owner is handed, once all others have left.
    pub(super) fn read_anew(&mut self, gone: MemberId) -> (MemberId, Vec<i64>) {
        self.cluster.leave(gone, self.now);
        let heir = self.join();
        let offsets = offsets(&self.receive(heir));
        (heir, offsets)
    }
}

pub(super) fn tokens(inbound: &Inbound) -> Vec<AckToken> {
    inbound.deliveries.iter().map(|delivery| delivery.token).collect()
}

pub(super) fn offsets(inbound: &Inbound) -> Vec<i64> {
    inbound.deliveries.iter().map(|delivery| delivery.offset).collect()
}

pub(super) fn ends(inbound: &Inbound) -> Vec<i64> {
    inbound.ends.iter().map(|end| end.offset).collect()
}
