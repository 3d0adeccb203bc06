//! Attempts: what is run, how it ends, and what is remembered of it.

use std::time::Instant;

use crate::error::{Error, Fault};
use crate::pipeline::lanes::Class;
use crate::pipeline::seldom::Seldom;
use crate::pipeline::storm::Destination;

/// What the shard knows of a delivery beyond its lane.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) destination: Destination,
    /// It tries out whether its destination works again.
    pub(super) probes: bool,
    /// Its partition is being revoked, or the pipeline shuts down: it may finish, and begins nothing new.
    pub(super) stopping: bool,
    /// As what it was started last.
    pub(super) class: Class,
    /// Where its future sits.
    pub(super) seat: Option<usize>,
    /// If it sits anywhere: the turn it was begun in, whose deadline it has.
    pub(super) turn: u64,
    /// Boxed: most never fail, and each is moved when it comes.
    history: Seldom<Box<History>>,
}

/// What is remembered of a delivery once it has failed.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Attempts that counted.
    pub(super) attempts: u32,
    /// An attempt may have had its effect.
    pub(super) unknown: bool,
    /// Until when it waits, if it waits for a time.
    pub(super) due: Option<Instant>,
    /// How its last attempt failed, while it waits for the next.
    pub(super) last: Option<Box<Failure>>,
    /// Why it is to be dead-lettered, once it is.
    pub(super) verdict: Option<Box<Verdict>>,
}

impl State {
    pub(super) const fn new(destination: Destination) -> Self {
        Self {
            destination,
            probes: false,
            stopping: false,
            class: Class::First,
            seat: None,
            turn: 0,
            history: Seldom::NONE,
        }
    }

    /// What is to be run next.
    pub(super) fn work(&self) -> Work {
        match self.verdict() {
            Some(verdict) => Work::DeadLetter(Box::new(verdict.clone())),
            None => Work::Handle { attempt: self.attempts().saturating_add(1) },
        }
    }

    /// Attempts that counted.
    pub(super) fn attempts(&self) -> u32 {
        self.history.as_ref().map_or(0, |history| history.attempts)
    }

    /// Until when it waits, if it waits for a time.
    pub(super) fn due(&self) -> Option<Instant> {
        self.history.as_ref()?.due
    }

    /// Why it is to be dead-lettered, once it is.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.history.as_ref()?.verdict.as_deref()
    }

    /// As what it is to start again.
    pub(super) fn class_again(&self) -> Class {
        let failed = self.history.as_ref().is_some_and(|history| history.last.is_some());
        if failed { Class::Again } else { Class::First }
    }

    /// It waits, but for no time.
    pub(super) fn forget_due(&mut self) {
        if let Some(history) = self.history.as_mut() {
            history.due = None;
        }
    }

    /// It failed before, if it did.
    #[inline]
    pub(super) fn forget_history(&mut self) {
        self.history = Seldom::NONE;
    }

    /// It has failed, or does now.
    pub(super) fn history(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// Whether a storm at its destination is to keep it from starting: its handler, or a dead letter about nothing but
    /// the destination that nobody has tried to publish yet. That one has its last failure back.
    pub(super) fn waits_for_weather(&mut self) -> bool {
        let Some(history) = self.history.as_mut() else {
            return true;
        };
        let Some(verdict) = history.verdict.take_if(|verdict| verdict.may_pass && verdict.failures == 0)
        else {
            return history.verdict.is_none();
        };
        history.last = Some(verdict.failure);
        true
    }
}

/// Why a record is dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Verdict {
    pub(in crate::pipeline) failure: Box<Failure>,
    pub(in crate::pipeline) attempts: u32,
    /// The last failure might not have come again.
    pub(in crate::pipeline) may_pass: bool,
    /// Publications that failed.
    pub(in crate::pipeline) failures: u32,
}

const LANE_FULL: &str = "lane full";

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Failure {
    pub(in crate::pipeline) fault: Fault,
    pub(in crate::pipeline) counts_attempt: bool,
    pub(in crate::pipeline) stage: &'static str,
    pub(in crate::pipeline) reason: String,
}

impl Failure {
    /// What is kept of a reason, in bytes: it may hold another side's whole answer, and waits in memory with its record.
    pub(in crate::pipeline) const REASON_BYTES_MAX: usize = 2_048;

    /// With the longest beginning of the reason that fits and is whole.
    pub(in crate::pipeline) fn new(fault: Fault, stage: &'static str, mut reason: String) -> Self {
        if reason.len() > Self::REASON_BYTES_MAX {
            reason.truncate(reason.floor_char_boundary(Self::REASON_BYTES_MAX));
            reason.shrink_to_fit();
        }
        Self { fault, counts_attempt: true, stage, reason }
    }

    /// Whether it says nothing against the record.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self.fault, Fault::Transient { .. } | Fault::Unknown)
    }

    /// The same, for a record whose lane holds as much as it may.
    pub(super) fn cut_short(mut self: Box<Self>) -> Box<Self> {
        if self.stage == LANE_FULL {
            // A storm had taken it back.
            return self;
        }
        let (stage, reason) = (self.stage, &self.reason);
        let reason = format!("others of its key filled their share while it waited; last, {stage}: {reason}");
        *self = Self { counts_attempt: self.counts_attempt, ..Self::new(self.fault, LANE_FULL, reason) };
        self
    }
}

/// What a worker is to run.
#[derive(Debug)]
pub(in crate::pipeline) enum Work {
    /// The handler, for the `attempt`th time.
    Handle { attempt: u32 },
    /// The publication of a dead letter.
    DeadLetter(Box<Verdict>),
}

/// How work ended.
#[derive(Debug)]
pub(in crate::pipeline) enum Outcome {
    Handled,
    /// A tombstone: there is nothing to handle.
    Skipped,
    /// Boxed, as below: what ends well is moved often, and failures are rare.
    Failed(Box<Failure>),
    DeadLettered,
    NotDeadLettered(Box<Error>),
}

impl Outcome {
    #[inline]
    pub(in crate::pipeline) const fn is_handled(&self) -> bool {
        matches!(self, Self::Handled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_kept_up_to_its_bound_and_whole() {
        let of = |reason: &str| Failure::new(Fault::Unknown, "handler", reason.to_owned());
        assert_eq!(of("short").reason, "short");
        let long = of(&format!("x{}", "é".repeat(500_000)));
        assert_eq!(long.reason.len(), Failure::REASON_BYTES_MAX - 1);
        assert!(long.reason.capacity() < 2 * Failure::REASON_BYTES_MAX && long.reason.ends_with('é'));

        let cut_short = Box::new(long).cut_short();
        assert_eq!((cut_short.stage, cut_short.reason.len()), (LANE_FULL, Failure::REASON_BYTES_MAX));
    }
}
