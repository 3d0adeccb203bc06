//! What a group has committed, and what commits come to.

use std::time::Instant;

use super::Group;
use crate::memory::cluster::claim::Place;
use crate::memory::cluster::commit::{Commit, CommitPart, Committed};
use crate::memory::cluster::log::Logs;
use crate::memory::cluster::member::MemberId;
use crate::memory::config::MemoryConfig;
use crate::memory::refusal::Refusal;

impl Group {
    pub(in crate::memory::cluster) fn begin_commit(&mut self, id: MemberId) -> Result<Commit, Refusal> {
        let Some(member) = self.members.get_mut(&id) else {
            return Err(Refusal::IllegalGeneration);
        };
        if std::mem::take(&mut member.lost_finished) {
            return Err(Refusal::IllegalGeneration);
        }
        let parts = member.holdings().filter_map(|(slot, generation, holding)| {
            let place = holding.place.clone();
            holding.uncommitted().map(|committed| CommitPart { place, slot, generation, committed })
        });
        self.commits_ever += 1;
        Ok(Commit { number: self.commits_ever, parts: parts.collect() })
    }

    /// Makes a commit durable. What was lost since it began is refused, the rest is committed all the same, unless a later
    /// commit was there before. Without an answer the member does not know, and commits it once more.
    pub(in crate::memory::cluster) fn end_commit(
        &mut self,
        id: MemberId,
        commit: &Commit,
        answered: bool,
        logs: &Logs,
        config: &MemoryConfig,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.advance(logs, config, now);
        let mut refused = false;
        for part in &commit.parts {
            let Some(claim) = self.claims.get_mut(&part.place) else {
                continue;
            };
            let Some(member) = self.members.get_mut(&id) else {
                return Err(Refusal::IllegalGeneration);
            };
            if let Some(holding) = member.holding_mut(part.slot, part.generation) {
                if holding.arrived < commit.number {
                    holding.arrived = commit.number;
                    claim.committed = Some(part.committed.clone());
                    if answered {
                        holding.committed = part.committed.clone();
                    }
                    self.touched = true;
                }
            } else {
                // As it was let go, at least as much was committed.
                refused |= member.has_lost(part.slot, part.generation);
            }
        }
        if refused {
            return Err(Refusal::IllegalGeneration);
        }
        Ok(())
    }

    pub(in crate::memory::cluster) fn committed(&self, place: &Place) -> Option<&Committed> {
        self.claims.get(place)?.committed.as_ref()
    }

    /// Commits what another program says of a partition. False if a member owns it.
    pub(in crate::memory::cluster) fn commit_foreign(&mut self, place: Place, committed: Committed) -> bool {
        let claim = self.claims.entry(place).or_default();
        let free = claim.owner.is_none();
        if free {
            claim.committed = Some(committed);
            self.touched = true;
        }
        free
    }

    /// Forgets what is committed of a partition. False if a member owns it, or nothing is.
    pub(in crate::memory::cluster) fn expire_offsets(&mut self, place: &Place) -> bool {
        let free = self.claims.get_mut(place).filter(|claim| claim.owner.is_none());
        let expired = free.is_some_and(|claim| claim.committed.take().is_some());
        self.touched |= expired;
        expired
    }

    /// Below which offset this group has no more need of a partition; `None` if it does not read it.
    pub(in crate::memory::cluster) fn needs_from(&self, place: &Place) -> Option<i64> {
        let claim = self.claims.get(place)?;
        Some(claim.committed.as_ref().map_or(0, |committed| committed.offset))
    }
}
