//! Which lanes hold as much as they may.

use super::{Entry, EntryId, LaneShare, Lanes, Stage};
use crate::consumer::Delivery;
use crate::pipeline::config::Order;

impl<S: Default> Lanes<S> {
    /// Whether the lane of a head holds as much as it may.
    pub(in crate::pipeline) fn has_full_lane(&self, head: EntryId) -> bool {
        self.get(head).is_some() && self.is_full(head.index)
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
        if self.order != Order::ByKey {
            // None is ever full.
            return Vec::new();
        }
        let heads_lane =
            |entry: &Entry<S>| entry.stage != Stage::Queued && entry.delivery().token.slot() == slot;
        let heads = self.entries.iter().filter(|(_, entry)| heads_lane(entry)).map(|(index, _)| index);
        heads.filter(|head| self.is_full(*head)).map(|head| self.id(head)).collect()
    }

    /// Nothing is known of the partition `slot` (`None`: of any) any more: another takes its place.
    pub(in crate::pipeline) fn forget_newest(&mut self, slot: Option<u32>) {
        let concerned = |index: usize| slot.is_none_or(|slot| slot as usize == index);
        for (_, newest) in self.newest.iter_mut().enumerate().filter(|(index, _)| concerned(*index)) {
            *newest = i64::MIN;
        }
    }

    /// `head` is one of a lane: the callers hold it. A head alone is in nobody's way, however large.
    pub(super) fn is_full(&self, head: u32) -> bool {
        let head = &self.entries[head];
        let held = &head.held;
        if self.order != Order::ByKey || held.records < 2 {
            return false;
        }
        held.reaches(&self.share)
            || (held.records >= LaneShare::OLD_RECORDS && self.is_old(head.delivery(), head.tail))
    }

    /// Whether the head of a lane, whose tail is that, lies far behind the newest of its partition.
    fn is_old(&self, head: &Delivery, tail: u32) -> bool {
        let tail = self.entries[tail].delivery();
        let told = self.newest.get(head.token.slot() as usize).copied();
        let newest = told.map_or(tail.offset, |told| told.max(tail.offset));
        newest.saturating_sub(head.offset) >= LaneShare::OLD_AFTER
    }
}
