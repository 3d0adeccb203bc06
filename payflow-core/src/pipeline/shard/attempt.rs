//! Attempts: what is run, how it ends, and what is remembered of it.

use std::time::Instant;

use crate::error::{Error, Fault};
use crate::pipeline::lanes::Class;
use crate::pipeline::storm::{Destination, Mark};

/// What the shard knows of a delivery beyond its lane.
#[derive(Debug)]
pub(super) struct State {
    /// Attempts that counted.
    pub(super) attempts: u32,
    /// Starts of any work, to tell a deadline of an earlier one.
    pub(super) starts: u32,
    pub(super) destination: Destination,
    pub(super) mark: Mark,
    /// An attempt may have had its effect.
    pub(super) unknown: bool,
    /// It tries out whether its destination works again.
    pub(super) probes: bool,
    /// Its partition is being revoked, or the pipeline shuts down: it may finish, and begins nothing new.
    pub(super) stopping: bool,
    /// As what it was started last.
    pub(super) class: Class,
    /// Where its future sits.
    pub(super) seat: Option<usize>,
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
            attempts: 0,
            starts: 0,
            destination,
            mark: Mark::NONE,
            unknown: false,
            probes: false,
            stopping: false,
            class: Class::First,
            seat: None,
            due: None,
            last: None,
            verdict: None,
        }
    }

    /// What is to be run next.
    pub(super) fn work(&self) -> Work {
        match &self.verdict {
            Some(verdict) => Work::DeadLetter(verdict.clone()),
            None => Work::Handle { attempt: self.attempts.saturating_add(1) },
        }
    }

    /// Whether a storm at its destination is to keep it from starting: its handler, or a dead letter about nothing but
    /// the destination that nobody has tried to publish yet. That one has its last failure back.
    pub(super) fn waits_for_weather(&mut self) -> bool {
        let Some(verdict) = self.verdict.take_if(|verdict| verdict.may_pass && verdict.failures == 0) else {
            return self.verdict.is_none();
        };
        self.last = Some(verdict.failure);
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

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Failure {
    pub(in crate::pipeline) fault: Fault,
    pub(in crate::pipeline) counts_attempt: bool,
    pub(in crate::pipeline) stage: &'static str,
    pub(in crate::pipeline) reason: String,
}

impl Failure {
    /// Whether it says nothing against the record.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self.fault, Fault::Transient { .. } | Fault::Unknown)
    }

    /// The same, for a record whose lane holds as much as it may.
    pub(super) fn cut_short(mut self: Box<Self>) -> Box<Self> {
        let (stage, reason) = (self.stage, &self.reason);
        self.reason =
            format!("others of its key filled their share while it waited; last, {stage}: {reason}");
        self.stage = "lane full";
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
