//! A group: its members, who owns which partition, and what is committed.

mod commits;
#[cfg(feature = "simulation")]
mod observed;

use std::collections::BTreeMap;
use std::time::Instant;

use super::Received;
use super::assign::assign;
use super::claim::{Claim, Place, Resumption};
use super::commit::IgnoredMetadata;
use super::log::Logs;
use super::member::{Holding, Member, MemberId};
use crate::consumer::RebalanceProtocol;
use crate::consumer::{AckToken, Change, Inbound, PartitionProgress, Room};
use crate::memory::config::MemoryConfig;
use crate::memory::refusal::Refusal;
use crate::offsets::{FinishedBeyond, OffsetTracker};
use crate::record::Topic;

#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<MemberId, Member>,
    /// All partitions of the topics that a member has ever subscribed to.
    claims: BTreeMap<Place, Claim>,
    /// When the next partition that is asked back is let go in any case.
    revoke_deadline: Option<Instant>,
    /// Something changed that others than the caller may wait for.
    touched: bool,
    /// Metadata that told a new owner nothing, and nobody was told of yet.
    ignored: Vec<IgnoredMetadata>,
    commits_ever: u64,
}

impl Group {
    pub(super) fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    pub(super) const fn ignored(&mut self) -> &mut Vec<IgnoredMetadata> {
        &mut self.ignored
    }

    /// Takes in a new member. The topics exist.
    pub(super) fn join(
        &mut self,
        id: MemberId,
        topics: Vec<Topic>,
        logs: &Logs,
        config: &MemoryConfig,
        now: Instant,
    ) -> Result<(), Refusal> {
        for topic in &topics {
            self.claim(topic, logs.partitions(topic)?.len());
        }
        self.members.insert(id, Member::new(topics, now));
        self.rebalance(logs, config, now);
        Ok(())
    }

    /// A topic has more partitions than before.
    pub(super) fn add_partitions(
        &mut self,
        topic: &Topic,
        total: usize,
        logs: &Logs,
        config: &MemoryConfig,
        now: Instant,
    ) {
        if self.claims.keys().any(|place| place.topic == *topic) {
            self.claim(topic, total);
            self.rebalance(logs, config, now);
        }
    }

    /// Forgets a member. What it had not committed is another's to do again.
    pub(super) fn leave(&mut self, id: MemberId, logs: &Logs, config: &MemoryConfig, now: Instant) {
        if let Some(mut member) = self.members.remove(&id) {
            self.disown(member.lose_all());
            self.rebalance(logs, config, now);
        }
    }

    /// Takes everything from a member, which has to join anew. False if it has to already.
    pub(super) fn expel(&mut self, id: MemberId, logs: &Logs, config: &MemoryConfig, now: Instant) -> bool {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.joined) else {
            return false;
        };
        member.joined = false;
        let lost = member.lose_all();
        self.disown(lost);
        self.rebalance(logs, config, now);
        true
    }

    /// Does what is due at `now`: sessions that ran out, deadlines of revokes.
    pub(super) fn advance(&mut self, logs: &Logs, config: &MemoryConfig, now: Instant) {
        if let Some(timeout) = config.session_timeout {
            let expired: Vec<MemberId> = self
                .members
                .iter()
                .filter(|(_, member)| member.joined && now.duration_since(member.last_seen) >= timeout)
                .map(|(id, _)| *id)
                .collect();
            for id in expired {
                self.expel(id, logs, config, now);
            }
        }
        if self.revoke_deadline.is_some_and(|deadline| deadline <= now) {
            self.settle(logs, config, now);
        }
    }

    pub(super) fn receive(
        &mut self,
        id: MemberId,
        into: &mut Inbound,
        room: Room,
        logs: &Logs,
        config: &MemoryConfig,
        now: Instant,
    ) -> Received {
        // Before time moves on, so that a member that comes back in the very moment is not expelled by its own call.
        let Some(member) = self.members.get_mut(&id) else {
            return Received::Nothing { wake_at: None };
        };
        member.last_seen = now;
        if !member.joined {
            member.joined = true;
            self.rebalance(logs, config, now);
        }
        self.advance(logs, config, now);

        let known = (into.changes.len(), into.deliveries.len(), into.ends.len());
        let Some(member) = self.members.get_mut(&id) else {
            return Received::Nothing { wake_at: None };
        };
        member.lost_finished &= member.changes.is_empty();
        into.changes.append(&mut member.changes);
        member.deliver(logs, into, room, now);
        // The last one to come to an end may end the source for those that did so before.
        self.touched |= member.tell_ends(logs, into, now);
        let ended = self.tell_ended(id, logs);
        into.ended |= ended;

        if ended || known != (into.changes.len(), into.deliveries.len(), into.ends.len()) {
            Received::Something
        } else {
            Received::Nothing { wake_at: self.wake_at(id, logs, config, now) }
        }
    }

    pub(super) fn acknowledge(
        &mut self,
        id: MemberId,
        finished: &[AckToken],
        given_up: &[AckToken],
        logs: &Logs,
        config: &MemoryConfig,
        now: Instant,
    ) {
        // What is past its deadline is let go first: a token of it is stale.
        self.advance(logs, config, now);
        if let Some(member) = self.members.get_mut(&id) {
            member.acknowledge(finished, given_up);
        }
        if self.revoke_deadline.is_some() {
            self.settle(logs, config, now);
        }
    }

    pub(super) fn progress(&self, id: MemberId, logs: &Logs, into: &mut Vec<PartitionProgress>) {
        if let Some(member) = self.members.get(&id) {
            into.extend(member.holdings().map(|(_, _, holding)| holding.progress(logs)));
        }
    }

    /// A topic of so many partitions is this group's to read.
    fn claim(&mut self, topic: &Topic, partitions: usize) {
        // A topic has at most `PARTITIONS_MAX` partitions.
        for partition in 0..partitions as i32 {
            self.claims.entry(Place { topic: topic.clone(), partition }).or_default();
        }
    }

    /// Decides anew who is to own what, and asks back what moves.
    fn rebalance(&mut self, logs: &Logs, config: &MemoryConfig, now: Instant) {
        let eager = config.protocol == RebalanceProtocol::Eager;
        let subscribers = self
            .members
            .iter()
            .filter(|(_, member)| member.joined)
            .map(|(id, member)| (*id, &*member.topics))
            .collect();
        let wishes: Vec<_> =
            self.claims.iter().map(|(place, claim)| (place, claim.target.filter(|_| !eager))).collect();
        let targets = assign(&wishes, &subscribers);
        for (claim, target) in self.claims.values_mut().zip(targets) {
            claim.target = target;
        }

        let until = now + config.revoke_timeout;
        for (id, member) in &mut self.members {
            let stays = |place: &Place| {
                let claim = self.claims.get(place);
                !eager && claim.is_some_and(|claim| claim.target == Some(*id))
            };
            member.revoke(until, |place| !stays(place));
        }
        self.touched = true;
        self.settle(logs, config, now);
    }

    /// Lets go what is due, and gives what is free to whom it is meant for.
    fn settle(&mut self, logs: &Logs, config: &MemoryConfig, now: Instant) {
        for member in self.members.values_mut() {
            for holding in member.let_go(now) {
                self.touched = true;
                if let Some(claim) = self.claims.get_mut(&holding.place) {
                    claim.let_go(&holding);
                }
            }
        }
        self.revoke_deadline = self.holdings().filter_map(|holding| holding.revoking_until).min();
        let barrier = config.protocol == RebalanceProtocol::Eager && self.revoke_deadline.is_some();
        if !barrier {
            self.hand_out(logs);
        }
    }

    fn hand_out(&mut self, logs: &Logs) {
        let mut assigned: BTreeMap<MemberId, Vec<_>> = BTreeMap::new();
        for (place, claim) in &mut self.claims {
            if claim.owner.is_none()
                && let Some(target) = claim.target
                && let Some(member) = self.members.get_mut(&target)
                && let Some(log) = logs.partition(place)
            {
                let Resumption { position, finished } = claim.resumption(log);
                let finished = finished.unwrap_or_else(|reason| {
                    self.ignored.push(IgnoredMetadata { place: place.clone(), reason });
                    FinishedBeyond::none()
                });
                claim.owner = Some(target);
                let tracker = OffsetTracker::resume(position, finished);
                assigned.entry(target).or_default().push(member.take(place.clone(), tracker));
            }
        }
        for (id, assignments) in assigned {
            self.touched = true;
            if let Some(member) = self.members.get_mut(&id) {
                member.changes.push(Change::Assigned(assignments));
            }
        }
    }

    fn disown(&mut self, places: Vec<Place>) {
        for place in places {
            if let Some(claim) = self.claims.get_mut(&place) {
                claim.owner = None;
            }
        }
    }

    fn holdings(&self) -> impl Iterator<Item = &Holding> {
        let members = self.members.values();
        members.flat_map(|member| member.holdings().map(|(_, _, holding)| holding))
    }

    /// Whether a member is to be told, now, that nothing will ever come again.
    fn tell_ended(&mut self, id: MemberId, logs: &Logs) -> bool {
        let Some(member) = self.members.get(&id) else {
            return false;
        };
        let closed = member.topics.iter().all(|topic| logs.is_closed(topic));
        if member.ended_told || !closed || !self.handed_over(&member.topics, logs) {
            return false;
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.ended_told = true;
        }
        true
    }

    /// Whether everything in these topics was handed to one who keeps it, or is committed.
    fn handed_over(&self, topics: &[Topic], logs: &Logs) -> bool {
        let mut done: BTreeMap<&Place, i64> = BTreeMap::new();
        for holding in self.holdings().filter(|holding| holding.revoking_until.is_none()) {
            done.insert(&holding.place, holding.position);
        }
        let claims = self.claims.iter().filter(|(place, _)| topics.contains(&place.topic));
        claims.into_iter().all(|(place, claim)| {
            let end = logs.partition(place).map_or(0, |log| log.end());
            let committed = claim.committed.as_ref().map(|committed| committed.offset);
            // What is committed beyond the end was never written, and tells nothing.
            end == 0 || committed == Some(end) || done.get(place) >= Some(&end)
        })
    }

    /// When something of this group may become due, a partition of the member is read again, or it has to show that it is
    /// alive.
    fn wake_at(&self, id: MemberId, logs: &Logs, config: &MemoryConfig, now: Instant) -> Option<Instant> {
        let sessions = config.session_timeout.and_then(|timeout| {
            let heartbeat = now + timeout / 2;
            let seen = self.members.values().filter(|member| member.joined);
            seen.map(|member| member.last_seen + timeout).chain([heartbeat]).min()
        });
        let read_again = self.members.get(&id).and_then(|member| member.read_again_at(logs, now));
        self.revoke_deadline.into_iter().chain(sessions).chain(read_again).min()
    }
}

#[cfg(test)]
impl Group {
    pub(super) fn member(&self, id: MemberId) -> &Member {
        &self.members[&id]
    }

    /// Each partition has at most one owner, both sides agree on who it is, and an owner has joined.
    pub(super) fn check_owners(&self) {
        let mut owned = BTreeMap::new();
        for (id, member) in &self.members {
            for (_, _, holding) in member.holdings() {
                assert!(member.joined);
                assert_eq!(owned.insert(&holding.place, *id), None, "{:?}", holding.place);
            }
        }
        for (place, claim) in &self.claims {
            assert_eq!(claim.owner, owned.get(place).copied(), "{place:?}");
        }
    }
}
