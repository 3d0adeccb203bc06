//! Which lanes hold as much as they may.

use super::{EntryId, Lane, LaneShare, Lanes};
use crate::pipeline::config::Order;

impl<S> Lanes<S> {
    /// Whether the lane of an entry holds as much as it may.
    pub(in crate::pipeline) fn has_full_lane(&self, id: EntryId) -> bool {
        self.get(id).and_then(|entry| entry.lane).is_some_and(|lane| self.is_full(lane))
    }

    /// The partition `slot` has come to that offset. The heads of its lanes that are full now.
    pub(in crate::pipeline) fn newest(&mut self, slot: u32, newest: i64) -> Vec<EntryId> {
        let index = slot as usize;
        if self.newest.len() <= index {
            self.newest.resize(index + 1, i64::MIN);
        }
        if let Some(known) = self.newest.get_mut(index) {
            *known = newest;
        }
        let of_slot = |lane: &Lane| self.entries[lane.head].delivery.token.slot() == slot;
        let full = self.lanes.iter().filter(|(lane, held)| of_slot(held) && self.is_full(*lane));
        full.map(|(_, lane)| self.id(lane.head)).collect()
    }

    /// Nothing is known of the partition `slot` (`None`: of any) any more: another takes its place.
    pub(in crate::pipeline) fn forget_newest(&mut self, slot: Option<u32>) {
        let concerned = |index: usize| slot.is_none_or(|slot| slot as usize == index);
        for (_, newest) in self.newest.iter_mut().enumerate().filter(|(index, _)| concerned(*index)) {
            *newest = i64::MIN;
        }
    }

    /// `lane` is one: the callers hold an entry of it. A head alone is in nobody's way, however large.
    pub(super) fn is_full(&self, lane: usize) -> bool {
        let Lane { head, tail, held, .. } = &self.lanes[lane];
        if self.order != Order::ByKey || held.records < 2 {
            return false;
        }
        held.reaches(&self.share) || (held.records >= LaneShare::OLD_RECORDS && self.is_old(*head, *tail))
    }

    /// Whether the head of a lane, whose tail is that, lies far behind the newest of its partition.
    fn is_old(&self, head: usize, tail: usize) -> bool {
        let (head, tail) = (&self.entries[head].delivery, &self.entries[tail].delivery);
        let told = self.newest.get(head.token.slot() as usize).copied();
        let newest = told.map_or(tail.offset, |told| told.max(tail.offset));
        newest.saturating_sub(head.offset) >= LaneShare::OLD_AFTER
    }
}
