//! Partitions without a leader, and sends whose answer is lost.

use std::time::Instant;

use super::{Cluster, Place};
use crate::memory::refusal::Refusal;
use crate::record::Record;

/// What becomes of the sends to a partition while its leader moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "only simulations ask for all of them")]
pub(crate) enum MeanwhileSends {
    /// Nothing is written, and the sender is told so.
    Refused,
    /// The record is written, and the sender gets no answer.
    Written,
    /// Nothing is written, and the sender gets no answer.
    Dropped,
}

/// A time in which a partition has no leader.
#[derive(Debug)]
pub(super) struct Interruption {
    pub(super) until: Instant,
    pub(super) sends: MeanwhileSends,
}

impl Cluster {
    /// Nothing is read from a partition before `until`, and `sends` says what becomes of what is sent to it. It takes the
    /// place of an earlier one. False if there is no such partition.
    pub(crate) fn move_leader(&mut self, place: &Place, until: Instant, sends: MeanwhileSends) -> bool {
        let log = self.logs.partition_mut(place);
        let exists = log.is_some();
        if let Some(log) = log {
            log.interrupt(Interruption { until, sends });
            // Who waits for the end of an earlier one is to wait for this one's.
            self.touched = true;
        }
        exists
    }

    /// Appends a record whose sender gets no answer, and gives what it is told instead: that it is
    /// [unanswered](Refusal::Unanswered), unless the record was refused in the first place.
    pub(crate) fn append_unanswered(&mut self, record: Record, written_at_ms: i64, now: Instant) -> Refusal {
        match self.append(record, written_at_ms, now) {
            Ok(receipt) => Refusal::Unanswered { written: Some(receipt) },
            Err(refusal) => refusal,
        }
    }
}
