//! What is deleted, and what was never there.

use super::{Cluster, Place, StoredRecord};

impl Cluster {
    /// Passes over the next `count` offsets of a partition, as transaction markers and aborted transactions do: nothing
    /// is ever delivered of them, and the end lies behind them. False if there is no such partition.
    pub(crate) fn append_gap(&mut self, place: &Place, count: u32) -> bool {
        let log = self.logs.partition_mut(place);
        let exists = log.is_some();
        if let Some(log) = log {
            log.append_gap(count);
            self.touched = true;
        }
        exists
    }

    /// Deletes, and gives, the records of a partition that `keep` does not keep; its first offset and its end stay where
    /// they are.
    #[allow(dead_code, reason = "only simulations ask for it")]
    pub(crate) fn compact(
        &mut self,
        place: &Place,
        keep: impl FnMut(&StoredRecord) -> bool,
    ) -> Vec<StoredRecord> {
        // Where the last ones go, who waits there is to be told of the end.
        self.touched = true;
        self.logs.delete(place, |log| log.compact(keep))
    }

    /// Deletes, and gives, the records of a partition below `before_offset`, committed or not. What of them was handed over
    /// is its owner's still; reading goes on at the oldest that is left, and nobody is told.
    pub(crate) fn expire_log(&mut self, place: &Place, before_offset: i64) -> Vec<StoredRecord> {
        self.touched = true;
        self.logs.delete(place, |log| log.delete_below(before_offset))
    }

    /// Forgets what a group has committed of a partition: the next owner starts at the oldest record. False if a member
    /// owns it, or nothing was committed.
    pub(crate) fn expire_offsets(&mut self, group: &str, place: &Place) -> bool {
        let expired = self.groups.get_mut(group).is_some_and(|group| group.expire_offsets(place));
        self.touched |= expired;
        expired
    }

    /// Deletes what every group that reads a partition has committed there.
    pub(super) fn trim(&mut self) {
        for place in self.logs.places() {
            let needed = self.groups.values().filter_map(|group| group.needs_from(&place));
            if let Some(offset) = needed.min() {
                self.logs.delete(&place, |log| log.delete_below(offset));
            }
        }
    }
}
