//! What members do and are told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::World;
use crate::consumer::{AckToken, Assignment, Change, Delivery, Inbound, Room};
use crate::memory::cluster::{Commit, MemberId, Place, Received};

/// What a member was told.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) holdings: BTreeMap<(u32, u32), HoldingSeen>,
    /// Several run where the first one's answer was not waited for.
    pub(super) commits: Vec<CommitSeen>,
    pub(super) ended: bool,
}

/// A commit that runs, and what it is to make durable.
pub(super) struct CommitSeen {
    commit: Commit,
    pub(super) finished: BTreeMap<Place, BTreeSet<i64>>,
}

pub(super) struct HoldingSeen {
    pub(super) place: Place,
    until: Option<Instant>,
    lost: bool,
    pub(super) out: BTreeSet<i64>,
    finished: BTreeSet<i64>,
    /// Where the group stood when it was assigned: these do not come again.
    known: BTreeSet<i64>,
    /// Of the next delivery at the least.
    next: i64,
}

impl HoldingSeen {
    /// Whether the member, by what it was told, has let it go by now.
    pub(super) fn is_gone(&self, now: Instant) -> bool {
        self.lost || self.until.is_some_and(|until| self.out.is_empty() || until <= now)
    }
}

impl World {
    pub(super) fn begin_commit(&mut self, id: MemberId) {
        let told = self.cluster.is_joined(id) && !self.cluster.has_news(id);
        let now = self.now;
        let commit = self.cluster.begin_commit(id).ok();
        let holdings = self.seen(id).holdings.values().filter(|holding| told && !holding.is_gone(now));
        let finished = holdings.map(|holding| (holding.place.clone(), holding.finished.clone())).collect();
        self.seen(id).commits.extend(commit.map(|commit| CommitSeen { commit, finished }));
    }

    /// What was finished before it began is durable once it has succeeded, in whatever order commits arrive.
    pub(super) fn end_commit(&mut self, id: MemberId, rank: usize, answered: bool) {
        let commits = &mut self.seen(id).commits;
        if commits.is_empty() {
            return;
        }
        let CommitSeen { commit, finished } = commits.remove(rank % commits.len());
        if !answered {
            self.cluster.end_commit_unanswered(id, &commit, self.now);
            return;
        }
        let outcome = self.cluster.end_commit(id, &commit, self.now);
        self.history.push(format!("{id:?} {outcome:?}"));
        for (place, finished) in finished.into_iter().filter(|_| outcome.is_ok()) {
            let (offset, known) = (self.committed(&place), self.known(&place));
            let forgotten = finished.range(offset..).find(|finished| !known.contains(finished));
            assert_eq!(forgotten, None, "{place:?} is committed to {offset} and {known:?}");
        }
    }

    pub(super) fn receive(&mut self, id: MemberId, room: Room) {
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
            let holding = &self.members[&id].holdings[&(end.slot, end.generation)];
            assert_eq!(self.interruption(&holding.place), None);
            assert_eq!(end.offset, self.end(&holding.place));
            let left_out = (holding.next..end.offset).find(|offset| !self.is_skipped(holding, *offset));
            assert_eq!(left_out, None, "{:?}", holding.place);
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

    /// Whether a member is never handed this offset.
    fn is_skipped(&self, holding: &HoldingSeen, offset: i64) -> bool {
        holding.known.contains(&offset) || self.is_absent(&holding.place, offset)
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
        assert_eq!(self.interruption(&place), None);
        let holding = self.members[&id].holdings.get(&key).expect("assigned before it delivers");
        assert!(holding.place == place && holding.until.is_none() && !holding.lost);
        let next = (holding.next..).find(|offset| !self.is_skipped(holding, *offset));
        assert_eq!(
            Some(delivery.offset),
            next,
            "in order, and none left out that is not known to be finished"
        );
        let holding = self.seen(id).holdings.get_mut(&key).unwrap();
        holding.next = delivery.offset + 1;
        holding.out.insert(delivery.token.sequence());
    }

    pub(super) fn give_back(&mut self, id: MemberId, rank: usize, finished: bool) {
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

    pub(super) fn acknowledge(&mut self, id: MemberId, token: AckToken, finished: bool) {
        let (tokens, none) = (&[token][..], &[][..]);
        let (finished, given_up) = if finished { (tokens, none) } else { (none, tokens) };
        self.cluster.acknowledge(id, finished, given_up, self.now);
    }
}

fn tokens(((slot, generation), holding): (&(u32, u32), &HoldingSeen)) -> Vec<AckToken> {
    let tokens = holding.out.iter().map(|offset| AckToken::new(*slot, *generation, *offset));
    tokens.collect()
}
