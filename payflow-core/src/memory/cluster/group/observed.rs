//! What a checker may see of a group.

use super::Group;
use crate::consumer::AckToken;
use crate::memory::cluster::{MemberId, Place};

impl Group {
    /// Who owns a partition, and the slot and generation by which it does.
    pub(in crate::memory) fn owner(&self, place: &Place) -> Option<(MemberId, u32, u32)> {
        let id = self.claims.get(place)?.owner?;
        let mut holdings = self.members.get(&id)?.holdings();
        let (slot, generation, _) = holdings.find(|(_, _, holding)| holding.place == *place)?;
        Some((id, slot, generation))
    }

    /// Whether the partition that a token is of is still its member's, and was not asked back and given on.
    pub(in crate::memory) fn owns(&self, member: MemberId, token: AckToken) -> bool {
        self.members.get(&member).is_some_and(|member| {
            member
                .holdings()
                .any(|(slot, generation, _)| slot == token.slot() && generation == token.generation())
        })
    }

    /// False from an expulsion until the member receives again.
    pub(in crate::memory) fn has_joined(&self, member: MemberId) -> bool {
        self.members.get(&member).is_some_and(|member| member.joined)
    }
}
