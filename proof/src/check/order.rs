//! Whether what comes again keeps the order of its lane.

use std::collections::HashMap;

use super::records::Lane;

/// The starts of each lane, as far as they can still tell of an overtaking.
#[derive(Default)]
pub(super) struct Order<'a> {
    /// By offset and number of the event. A start hides those before it of the same and of earlier records, so that
    /// offsets fall and numbers rise.
    starts: HashMap<Lane<'a>, Vec<(i64, usize)>>,
}

impl<'a> Order<'a> {
    /// The later record of the lane that was started last, if that was after the event of this number.
    pub(super) fn passed_since(&self, lane: Lane<'a>, offset: i64, number: usize) -> Option<i64> {
        let starts = self.starts.get(&lane)?;
        let later = starts.partition_point(|(other, _)| *other > offset);
        let (passing, at) = starts.get(later.checked_sub(1)?)?;
        (*at > number).then_some(*passing)
    }

    /// The record of the lane that was started last, if it is an earlier one.
    pub(super) fn last_before(&self, lane: Lane<'a>, offset: i64) -> Option<i64> {
        let (last, _) = self.starts.get(&lane)?.last()?;
        (*last < offset).then_some(*last)
    }

    pub(super) fn started(&mut self, lane: Lane<'a>, offset: i64, number: usize) {
        let starts = self.starts.entry(lane).or_default();
        let hidden = starts.partition_point(|(other, _)| *other > offset);
        starts.truncate(hidden);
        starts.push((offset, number));
    }
}
