//! What was tried with a delivery, and what follows from it.

use super::ledger::RecordId;
use super::plan::Plan;
use crate::error;

/// What was tried with a delivery.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) record: RecordId,
    pub(super) bytes: usize,
    /// Calls of the handler.
    pub(super) calls: u32,
    /// The number of the last one. A number comes again if an attempt did not count: a claim was held, or a storm is on.
    pub(super) attempt: u32,
    pub(super) unknown: bool,
    /// The last attempt was made in a storm, as a probe.
    pub(super) probed: bool,
    /// Its dead letter was sent, at least once.
    pub(super) published: bool,
    /// How the last attempt failed.
    pub(super) failed: Option<(error::Fault, &'static str)>,
    /// It was an attempt, and no waiting for somebody else's claim.
    pub(super) counts: bool,
    pub(super) done: bool,
}

impl Tried {
    /// Of a delivery that was just handed over.
    pub(super) const fn new(record: RecordId, bytes: usize) -> Self {
        Self {
            record,
            bytes,
            calls: 0,
            attempt: 0,
            unknown: false,
            probed: false,
            published: false,
            failed: None,
            counts: true,
            done: false,
        }
    }

    /// Whether the last attempt failed in a way that says nothing against the record.
    pub(super) const fn blames_destination(&self) -> bool {
        matches!(self.failed, Some((error::Fault::Transient { .. } | error::Fault::Unknown, _)))
    }

    /// Whether its handler may be called, as that attempt.
    pub(super) fn check_attempt(&self, attempt: u32, plan: &Plan) -> Result<(), &'static str> {
        if matches!(self.failed, Some((error::Fault::Permanent | error::Fault::Fatal, _))) {
            return Err("follows one that says that none will succeed");
        }
        // What was to be set aside when a storm began has one more when that is over.
        if plan.storm_run.is_none() && attempt as usize > plan.attempts_max {
            return Err("is one too many");
        }
        // One that failed as a probe did not count, nor did one for which a claim was held.
        let counted = self.counts && !(self.probed && self.blames_destination());
        if attempt == 0 || !(self.attempt..=self.attempt + u32::from(counted)).contains(&attempt) {
            return Err("is out of turn");
        }
        Ok(())
    }

    /// Whether there is a reason to set the record aside, and it is the one that is told.
    pub(super) fn check_verdict(
        &self,
        stage: &'static str,
        fault: error::Fault,
        attempts: u32,
        plan: &Plan,
        share: Option<Share>,
    ) -> Result<(), &'static str> {
        let Some((last, at)) = self.failed else {
            return Err("no attempt failed");
        };
        let hopeless = matches!(last, error::Fault::Permanent | error::Fault::Fatal);
        if stage == "lane full" {
            if hopeless || !share.is_some_and(|share| share.is_full(plan)) {
                return Err("its lane is not full");
            }
        } else {
            if !hopeless && (attempts as usize) < plan.attempts_max {
                return Err("has attempts left");
            }
            if stage != at {
                return Err("the letter does not tell what happened");
            }
        }
        if attempts != self.attempt {
            return Err("the letter does not tell the attempts");
        }
        if fault != (if self.unknown { error::Fault::Unknown } else { last }) {
            return Err("the letter tells another fault");
        }
        Ok(())
    }
}

/// What a lane holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) records: usize,
    pub(super) bytes: usize,
    /// How far its first record lies behind what was last handed over of its partition.
    pub(super) age: i64,
}

impl Share {
    fn is_full(&self, plan: &Plan) -> bool {
        self.records >= (plan.records_max / 8).max(2) || self.bytes >= plan.bytes_max / 8 || self.is_old()
    }

    /// Whether it takes of the room for what a commit says of its partition.
    pub(super) const fn is_old(&self) -> bool {
        self.records >= 20 && self.age >= 8_192
    }
}
