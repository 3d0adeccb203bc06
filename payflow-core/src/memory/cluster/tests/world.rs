//! A world of members around a cluster that checks, at each step, what may and what must be so.

mod checks;
mod logs;
mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::consumer::{AckToken, Room};
use crate::memory::cluster::{Cluster, Committed, MeanwhileSends, MemberId, Place};
use crate::memory::config::MemoryConfig;
use crate::record::Topic;
use members::Seen;

pub(super) use logs::LogEvent;

const GROUP: &str = "g";
const PARTITIONS: [u32; 2] = [3, 2];
const PARTITIONS_MAX: u32 = 5;
const MEMBERS_MAX: usize = 5;

#[derive(Debug, Clone)]
pub(super) enum Event {
    Send {
        topic: usize,
        key: Option<u8>,
        value_bytes: usize,
        answered: bool,
    },
    /// Bit 0: the first topic, bit 1: the second.
    Join {
        topics: usize,
    },
    Leave {
        member: usize,
    },
    Expel {
        member: usize,
    },
    Receive {
        member: usize,
        records: usize,
        bytes: usize,
        first: bool,
    },
    Finish {
        member: usize,
        rank: usize,
    },
    GiveUp {
        member: usize,
        rank: usize,
    },
    /// A token that came back before, comes back again.
    Stale {
        rank: usize,
        finished: bool,
    },
    BeginCommit {
        member: usize,
    },
    /// One of the commits that run arrives.
    EndCommit {
        member: usize,
        rank: usize,
        answered: bool,
    },
    /// Another program commits where the group stands.
    CommitForeign {
        place: usize,
    },
    /// What the group has committed of a partition is forgotten.
    ExpireOffsets {
        place: usize,
    },
    /// A topic gets one more.
    AddPartition {
        topic: usize,
    },
    Log {
        place: usize,
        event: LogEvent,
    },
    Pass(Duration),
}

pub(super) struct World {
    cluster: Cluster,
    now: Instant,
    topics: [Topic; 2],
    partitions: [u32; 2],
    /// Where the next record goes.
    ends: BTreeMap<Place, i64>,
    /// Offsets that nobody is handed any more, or ever was.
    absent: BTreeMap<Place, BTreeSet<i64>>,
    /// Partitions without a leader.
    interrupted: BTreeMap<Place, (Instant, MeanwhileSends)>,
    members: BTreeMap<MemberId, Seen>,
    /// What was acknowledged as finished, in time.
    finished: BTreeMap<Place, BTreeSet<i64>>,
    committed: BTreeMap<Place, i64>,
    returned: Vec<(MemberId, AckToken)>,
    history: Vec<String>,
}

impl World {
    pub(super) fn new(config: MemoryConfig, now: Instant) -> Self {
        let mut cluster = Cluster::new(config);
        let topics = ["t", "u"].map(|name| Topic::parse(name).unwrap());
        for (topic, partitions) in topics.iter().zip(PARTITIONS) {
            cluster.create_topic(topic, partitions).unwrap();
        }
        Self {
            cluster,
            now,
            topics,
            partitions: PARTITIONS,
            ends: BTreeMap::new(),
            absent: BTreeMap::new(),
            interrupted: BTreeMap::new(),
            members: BTreeMap::new(),
            finished: BTreeMap::new(),
            committed: BTreeMap::new(),
            returned: Vec::new(),
            history: Vec::new(),
        }
    }

    pub(super) fn history(self) -> Vec<String> {
        self.history
    }

    pub(super) fn step(&mut self, event: Event) {
        match event {
            Event::Send { topic, key, value_bytes, answered } => {
                self.send(topic, key, value_bytes, answered);
            }
            Event::Join { topics } if self.members.len() < MEMBERS_MAX => {
                let wanted = self.topics.iter().enumerate().filter(|(bit, _)| topics >> bit & 1 == 1);
                let wanted: Vec<Topic> = wanted.map(|(_, topic)| topic.clone()).collect();
                let id = self.cluster.join(GROUP, &wanted, self.now).unwrap();
                self.members.insert(id, Seen::default());
            }
            Event::Join { .. } => {}
            Event::Pass(time) => self.now += time,
            Event::Stale { rank, finished } => {
                if !self.returned.is_empty() {
                    let (id, token) = self.returned[rank % self.returned.len()];
                    self.acknowledge(id, token, finished);
                }
            }
            Event::Leave { member } => self.with(member, |world, id| {
                world.cluster.leave(id, world.now);
                world.members.remove(&id);
            }),
            Event::Expel { member } => self.with(member, |world, id| {
                world.cluster.expel(id, world.now);
            }),
            Event::Receive { member, records, bytes, first } => {
                let room = Room { records, bytes, first_may_exceed: first };
                self.with(member, |world, id| {
                    world.receive(id, room);
                });
            }
            Event::Finish { member, rank } => self.with(member, |world, id| world.give_back(id, rank, true)),
            Event::GiveUp { member, rank } => self.with(member, |world, id| world.give_back(id, rank, false)),
            Event::BeginCommit { member } => self.with(member, Self::begin_commit),
            Event::EndCommit { member, rank, answered } => {
                self.with(member, |world, id| world.end_commit(id, rank, answered));
            }
            Event::CommitForeign { place } => {
                let place = self.place(place);
                let committed = Committed { offset: self.committed(&place), metadata: "elsewhere".into() };
                if self.cluster.commit_foreign(GROUP, place.clone(), committed) {
                    self.forget_commits(&place);
                }
            }
            Event::ExpireOffsets { place } => {
                let place = self.place(place);
                if self.cluster.expire_offsets(GROUP, &place) {
                    assert_eq!(self.cluster.committed(GROUP, &place.topic, place.partition), None);
                    self.committed.remove(&place);
                    self.forget_commits(&place);
                }
            }
            Event::AddPartition { topic } => {
                let total = (self.partitions[topic] + 1).min(PARTITIONS_MAX);
                self.cluster.add_partitions(&self.topics[topic], total, self.now).unwrap();
                self.partitions[topic] = total;
            }
            Event::Log { place, event } => self.step_log(&self.place(place), event),
        }
        self.check();
    }

    /// With everybody at work and nobody failing, every record is finished and committed, and the source ends.
    pub(super) fn finish_everything(&mut self) {
        for event in [Event::Leave { member: 0 }, Event::Join { topics: 3 }] {
            self.step(event);
        }
        for topic in self.topics.clone() {
            self.cluster.close_topic(&topic).unwrap();
        }
        // What was given up comes back with the next assignment only, so everybody starts anew once.
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            self.cluster.expel(id, self.now);
        }
        let mut rounds = 0;
        while !self.is_over() {
            for id in self.members.keys().copied().collect::<Vec<_>>() {
                let room = Room { records: 100, bytes: usize::MAX, first_may_exceed: true };
                self.receive(id, room);
                while self.seen(id).holdings.values().any(|holding| !holding.out.is_empty()) {
                    self.give_back(id, 0, true);
                }
                self.begin_commit(id);
                while !self.seen(id).commits.is_empty() {
                    self.end_commit(id, 0, true);
                }
                self.check();
            }
            self.now += Duration::from_secs(1);
            rounds += 1;
            assert!(rounds < 40, "it comes to no end: {:?}", self.history);
        }
    }

    fn is_over(&self) -> bool {
        let lag = self.topics.iter().map(|topic| self.cluster.lag(GROUP, topic)).sum::<u64>();
        lag == 0 && self.members.values().all(|seen| seen.ended)
    }

    /// What runs can promise nothing of this partition any more.
    fn forget_commits(&mut self, place: &Place) {
        for commit in self.members.values_mut().flat_map(|seen| &mut seen.commits) {
            commit.finished.remove(place);
        }
    }

    fn places(&self) -> Vec<Place> {
        let topics = self.topics.iter().zip(self.partitions);
        let places = topics.flat_map(|(topic, partitions)| {
            (0..partitions as i32).map(|partition| Place { topic: topic.clone(), partition })
        });
        places.collect()
    }

    fn place(&self, rank: usize) -> Place {
        let mut places = self.places();
        places.swap_remove(rank % places.len())
    }

    fn seen(&mut self, id: MemberId) -> &mut Seen {
        self.members.get_mut(&id).unwrap()
    }

    fn with(&mut self, member: usize, action: impl FnOnce(&mut Self, MemberId)) {
        if !self.members.is_empty() {
            let id = *self.members.keys().nth(member % self.members.len()).unwrap();
            action(self, id);
        }
    }
}
