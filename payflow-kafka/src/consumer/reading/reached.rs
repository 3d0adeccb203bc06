//! How far reading got where no record tells it, and whether that is the log's end.

use rdkafka::Offset;

use super::Partition;

/// What librdkafka knew of a partition's offsets before it was assigned: as long as it knows nothing else, the log may
/// have grown since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stale {
    pub(super) watermarks: Watermarks,
    /// A broker has told another end since, so there is more to read.
    pub(super) refuted: bool,
}

/// The oldest offset of a partition, and the one behind the newest.
pub(in crate::consumer) type Watermarks = (i64, i64);

/// How far reading got in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::consumer) struct Reached {
    pub(in crate::consumer) position: i64,
    /// There is nothing more to read.
    pub(in crate::consumer) at_end: bool,
    /// Where reading was to go on, if what stood there was deleted, and no record will tell.
    pub(in crate::consumer) deleted_from: Option<i64>,
}

impl Partition {
    /// librdkafka has passed all below `position`, whether it was a record or not.
    pub(super) fn pass(
        &self,
        position: i64,
        watermarks: impl Fn(&str, i32) -> Option<Watermarks>,
    ) -> Option<Reached> {
        let is_behind = matches!(self.expected, Offset::Offset(expected) if position < expected);
        if position <= self.end_told || is_behind {
            return None;
        }
        let at_end = self.watermarks(watermarks).is_some_and(|(_, high)| position >= high);
        Some(Reached { position, at_end, deleted_from: None })
    }

    /// librdkafka has passed nothing, and so tells no position: is that since there is nothing to read?
    pub(super) fn find_nothing(
        &mut self,
        watermarks: impl Fn(&str, i32) -> Option<Watermarks>,
    ) -> Option<Reached> {
        if matches!(self.expected, Offset::Offset(expected) if expected == self.end_told) {
            return None;
        }
        let known = self.watermarks(watermarks)?;
        if self.stale.is_some_and(|stale| stale.watermarks == known) {
            return None;
        }
        self.stale = None;
        let end = self.end_by(known)?;
        let deleted_from = match self.expected {
            Offset::Offset(expected) if expected < end => Some(expected),
            _ => None,
        };
        Some(Reached { position: end, at_end: true, deleted_from })
    }

    pub(super) fn is_unconfirmed(&self) -> bool {
        self.stale.is_some_and(|stale| !stale.refuted && self.end_by(stale.watermarks).is_some())
    }

    pub(super) fn confirm(&mut self, end: i64) {
        self.stale = self.stale.and_then(|Stale { watermarks, .. }| {
            (watermarks.1 != end).then_some(Stale { watermarks, refuted: true })
        });
    }

    /// The log's end, if reading stands there. Beyond it stands who has read another log: librdkafka begins anew.
    fn end_by(&self, (low, high): Watermarks) -> Option<i64> {
        let from = match self.expected {
            Offset::Offset(expected) => expected.max(low),
            // From the beginning.
            _ => low,
        };
        (from == high).then_some(high)
    }

    fn watermarks(&self, known: impl Fn(&str, i32) -> Option<Watermarks>) -> Option<Watermarks> {
        known(self.assignment.topic.as_str(), self.assignment.partition)
    }
}
