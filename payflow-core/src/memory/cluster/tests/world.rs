//! A world of members around a cluster that checks, at each step, what may and what must be so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::consumer::{AckToken, Assignment, Change, Delivery, Inbound, Room};
use crate::memory::cluster::Place;
use crate::memory::cluster::{Cluster, Commit, Committed, MemberId, Received};
use crate::memory::config::MemoryConfig;
use crate::record::{Record, Topic};

const GROUP: &str = "g";
const PARTITIONS: [u32; 2] = [3, 2];
const MEMBERS_MAX: usize = 5;

#[derive(Debug, Clone)]
pub(super) enum Event {
    Send {
        topic: usize,
        key: Option<u8>,
        value_bytes: usize,
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
    EndCommit {
        member: usize,
    },
    /// Another program commits where the group stands.
    CommitForeign {
        place: usize,
    },
    Pass(Duration),
}

pub(super) struct World {
    cluster: Cluster,
    now: Instant,
    topics: [Topic; 2],
    members: BTreeMap<MemberId, Seen>,
    /// What was acknowledged as finished, in time.
    finished: BTreeMap<Place, BTreeSet<i64>>,
    committed: BTreeMap<Place, i64>,
    returned: Vec<(MemberId, AckToken)>,
    history: Vec<String>,
}

/// What a member was told.
#[derive(Default)]
struct Seen {
    holdings: BTreeMap<(u32, u32), HoldingSeen>,
    commit: Option<CommitSeen>,
    ended: bool,
}

/// A commit that runs, and what it is to make durable.
struct CommitSeen {
    commit: Commit,
    finished: BTreeMap<Place, BTreeSet<i64>>,
}

struct HoldingSeen {
    place: Place,
    until: Option<Instant>,
    lost: bool,
    out: BTreeSet<i64>,
    finished: BTreeSet<i64>,
    /// Where the group stood when it was assigned: these do not come again.
    known: BTreeSet<i64>,
    /// Of the next delivery at the least.
    next: i64,
}

impl HoldingSeen {
    /// Whether the member, by what it was told, has let it go by now.
    fn is_gone(&self, now: Instant) -> bool {
        self.lost || self.until.is_some_and(|until| self.out.is_empty() || until <= now)
    }
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
            Event::Send { topic, key, value_bytes } => {
                let mut record = Record::new(self.topics[topic].clone(), vec![0; value_bytes]);
                record.key = key.map(|key| vec![key].into());
                let _ = self.cluster.append(record, 0, self.now).unwrap();
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
            Event::EndCommit { member } => self.with(member, |world, id| {
                world.end_commit(id);
            }),
            Event::CommitForeign { place } => {
                let places: Vec<Place> = self.committed.keys().cloned().collect();
                if !places.is_empty() {
                    let place = places[place % places.len()].clone();
                    let committed =
                        Committed { offset: self.committed(&place), metadata: "elsewhere".into() };
                    if self.cluster.commit_foreign(GROUP, place.clone(), committed) {
                        for commit in self.members.values_mut().filter_map(|seen| seen.commit.as_mut()) {
                            commit.finished.remove(&place);
                        }
                    }
                }
            }
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
                self.end_commit(id);
                self.check();
            }
            self.now += Duration::from_secs(1);
            rounds += 1;
            assert!(rounds < 40, "it comes to no end: {:?}", self.history);
        }
    }

    fn begin_commit(&mut self, id: MemberId) {
        let told = self.cluster.is_joined(id) && !self.cluster.has_news(id);
        let now = self.now;
        let commit = self.cluster.begin_commit(id).ok();
        let holdings = self.seen(id).holdings.values().filter(|holding| told && !holding.is_gone(now));
        let finished = holdings.map(|holding| (holding.place.clone(), holding.finished.clone())).collect();
        self.seen(id).commit = commit.map(|commit| CommitSeen { commit, finished });
    }

    /// What was finished before it began is durable once it has succeeded.
    fn end_commit(&mut self, id: MemberId) {
        let Some(CommitSeen { commit, finished }) = self.seen(id).commit.take() else {
            return;
        };
        let outcome = self.cluster.end_commit(id, &commit, self.now);
        self.history.push(format!("{id:?} {outcome:?}"));
        for (place, finished) in finished.into_iter().filter(|_| outcome.is_ok()) {
            let (offset, known) = (self.committed(&place), self.known(&place));
            let forgotten = finished.range(offset..).find(|finished| !known.contains(finished));
            assert_eq!(forgotten, None, "{place:?} is committed to {offset} and {known:?}");
        }
    }

    fn is_over(&self) -> bool {
        let lag = self.topics.iter().map(|topic| self.cluster.lag(GROUP, topic)).sum::<u64>();
        lag == 0 && self.members.values().all(|seen| seen.ended)
    }

    fn receive(&mut self, id: MemberId, room: Room) {
        let mut into = Inbound::default();
        let received = self.cluster.receive(id, &mut into, room, self.now);
        self.history.push(format!("{id:?} {into:?}"));
        assert_eq!(received == Received::Something, !into.is_empty());
        for change in std::mem::take(&mut into.changes) {
            self.tell(id, change);
        }

        let mut bytes = 0;
        for (taken, delivery) in into.deliveries.iter().enumerate() {
            assert!(room.fits(taken, bytes, delivery.size_bytes()));
            bytes += delivery.size_bytes();
            self.deliver(id, delivery);
        }
        for end in &into.ends {
            let holding = &self.seen(id).holdings[&(end.slot, end.generation)];
            assert!((holding.next..end.offset).all(|offset| holding.known.contains(&offset)));
        }
        self.seen(id).ended |= into.ended;
    }

    fn tell(&mut self, id: MemberId, change: Change) {
        let place = |assignment: &Assignment| Place {
            topic: assignment.topic.clone(),
            partition: assignment.partition,
        };
        let at: BTreeMap<Place, (i64, BTreeSet<i64>)> = match &change {
            Change::Assigned(assignments) => {
                let places = assignments.iter().map(place);
                places.map(|place| (place.clone(), (self.committed(&place), self.known(&place)))).collect()
            }
            Change::Revoking { .. } | Change::Lost(_) => BTreeMap::new(),
        };
        let seen = self.members.get_mut(&id).unwrap();
        match change {
            Change::Assigned(assignments) => {
                for assignment in assignments {
                    let (next, known) = at[&place(&assignment)].clone();
                    let holding = HoldingSeen {
                        place: place(&assignment),
                        until: None,
                        lost: false,
                        out: BTreeSet::new(),
                        finished: BTreeSet::new(),
                        known,
                        next,
                    };
                    let before = seen.holdings.insert((assignment.slot, assignment.generation), holding);
                    assert!(before.is_none(), "a generation comes once");
                    let newest = seen.holdings.keys().filter(|(slot, _)| *slot == assignment.slot).max();
                    assert_eq!(newest, Some(&(assignment.slot, assignment.generation)));
                }
            }
            Change::Revoking { assignments, until } => {
                for assignment in assignments {
                    let holding = seen.holdings.get_mut(&(assignment.slot, assignment.generation)).unwrap();
                    assert!(holding.place == place(&assignment) && holding.until.is_none() && !holding.lost);
                    holding.until = Some(until);
                }
            }
            Change::Lost(assignments) => {
                for assignment in assignments {
                    let holding = seen.holdings.get_mut(&(assignment.slot, assignment.generation)).unwrap();
                    assert!(!holding.lost);
                    holding.lost = true;
                }
            }
        }
    }

    fn deliver(&mut self, id: MemberId, delivery: &Delivery) {
        let place = Place { topic: delivery.topic.clone(), partition: delivery.partition };
        let now = self.now;
        for (other, seen) in self.members.iter().filter(|(other, _)| **other != id) {
            let owned = seen.holdings.values().any(|holding| holding.place == place && !holding.is_gone(now));
            let known = self.cluster.is_joined(*other) && !self.cluster.has_news(*other);
            assert!(!owned || !known, "{other:?} owns {place:?}, and {id:?} was handed of it");
        }
        let key = (delivery.token.slot(), delivery.token.generation());
        let holding = self.seen(id).holdings.get_mut(&key).expect("assigned before it delivers");
        assert!(holding.place == place && holding.until.is_none() && !holding.lost);
        let next = (holding.next..).find(|offset| !holding.known.contains(offset));
        assert_eq!(
            Some(delivery.offset),
            next,
            "in order, and none left out that is not known to be finished"
        );
        holding.next = delivery.offset + 1;
        holding.out.insert(delivery.token.sequence());
    }

    fn give_back(&mut self, id: MemberId, rank: usize, finished: bool) {
        let now = self.now;
        let joined = self.cluster.is_joined(id);
        let out: Vec<AckToken> = self.seen(id).holdings.iter().flat_map(tokens).collect();
        if out.is_empty() {
            return;
        }
        let token = out[rank % out.len()];
        let (slot, generation) = (token.slot(), token.generation());
        let holding = self.seen(id).holdings.get_mut(&(slot, generation)).unwrap();
        let valid = joined && !holding.is_gone(now);
        holding.out.remove(&token.sequence());
        let place = holding.place.clone();
        let back = holding.until.is_some() && holding.out.is_empty();
        if finished && valid {
            holding.finished.insert(token.sequence());
            self.finished.entry(place).or_default().insert(token.sequence());
        }
        self.acknowledge(id, token, finished);
        self.returned.push((id, token));
        assert!(!back || !self.cluster.holds(id, slot, generation), "let go with its last token");
    }

    fn acknowledge(&mut self, id: MemberId, token: AckToken, finished: bool) {
        let (tokens, none) = (&[token][..], &[][..]);
        let (finished, given_up) = if finished { (tokens, none) } else { (none, tokens) };
        self.cluster.acknowledge(id, finished, given_up, self.now);
    }

    fn check(&mut self) {
        self.cluster.advance(self.now);
        self.cluster.check_owners(GROUP);
        let now = self.now;
        for (id, seen) in &self.members {
            let told = self.cluster.is_joined(*id) && !self.cluster.has_news(*id);
            for ((slot, generation), holding) in seen.holdings.iter().filter(|_| told) {
                let holds = self.cluster.holds(*id, *slot, *generation);
                assert_eq!(holds, !holding.is_gone(now), "{id:?} {slot}/{generation}");
            }
        }
        for (topic, partitions) in self.topics.clone().into_iter().zip(PARTITIONS) {
            for partition in 0..partitions as i32 {
                let place = Place { topic: topic.clone(), partition };
                let committed = self.committed(&place);
                let before = self.committed.insert(place.clone(), committed).unwrap_or(0);
                assert!(committed >= before, "{place:?} went back from {before} to {committed}");
                let finished = self.finished.entry(place.clone()).or_default();
                let unfinished = (0..committed).find(|offset| !finished.contains(offset));
                assert_eq!(unfinished, None, "{place:?} is committed to {committed}");
                let finished = finished.clone();
                assert!(self.known(&place).is_subset(&finished), "{place:?} is said to have finished more");
            }
        }
    }

    fn committed(&self, place: &Place) -> i64 {
        let committed = self.cluster.committed(GROUP, &place.topic, place.partition);
        committed.map_or(0, |committed| committed.offset)
    }

    /// What the group remembers of a partition beyond what is committed.
    fn known(&self, place: &Place) -> BTreeSet<i64> {
        let committed = self.cluster.committed(GROUP, &place.topic, place.partition);
        let beyond = committed.and_then(|committed| committed.finished_beyond().ok());
        beyond.iter().flat_map(|beyond| beyond.ranges().iter().cloned().flatten()).collect()
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

fn tokens(((slot, generation), holding): (&(u32, u32), &HoldingSeen)) -> Vec<AckToken> {
    let tokens = holding.out.iter().map(|offset| AckToken::new(*slot, *generation, *offset));
    tokens.collect()
}
