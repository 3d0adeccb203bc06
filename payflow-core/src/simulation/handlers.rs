//! The handlers, and what lies downstream of them.

use std::time::Duration;

use super::faults::Fault;
use super::scene::Scene;
use crate::error;
use crate::pipeline::Ending;

/// What is in a record, and how its handling goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Handled,
    /// The first attempts fail so.
    Fails {
        times: u32,
        failure: Failure,
    },
    /// The first attempts never end.
    Stuck {
        times: u32,
    },
    Undecodable,
    Tombstone,
}

impl Fate {
    /// Every attempt fails, and none says that the next will.
    pub(super) const HOPELESS: Self = Self::Fails { times: u32::MAX, failure: Failure::Transient };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Transient,
    RetryAfter(Duration),
    Held(Duration),
    Unknown,
    Permanent,
    Fatal,
    Panic,
}

/// What all handlers call.
#[derive(Debug, Default)]
pub(super) struct Downstream {
    outage: Option<Outage>,
    outages: u32,
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    failure: Failure,
    /// Which one it is.
    number: u32,
    /// Every attempt that began before has ended by then, or timed out.
    whole_from: Duration,
}

/// How an attempt goes; `None`: it never ends.
pub(super) type Attempt = Option<(Duration, Ending)>;

impl Scene {
    /// Where the handler of a record calls.
    pub(super) const fn destination_of(&self, offset: i64) -> &'static str {
        if self.plan.destinations > 1 && offset % 3 == 0 { "sms" } else { "e-mail" }
    }

    /// What a new record is to be.
    pub(super) fn draw_fate(&mut self) -> Fate {
        if self.dice.one_in(60) {
            return Fate::Tombstone;
        }
        if !self.dice.percent(self.plan.failing_percent) {
            return Fate::Handled;
        }
        // The last is more than there are attempts.
        let times = self.dice.pick([1, 1, 2, 3, 8]);
        match self.dice.below(10) {
            0 => Fate::Undecodable,
            1 => Fate::Stuck { times: times.min(2) },
            _ => {
                let failure = self.draw_failure();
                // Waiting for a claim uses up no attempt, so it would go on for ever.
                let times = if matches!(failure, Failure::Held(_)) { times.min(3) } else { times };
                Fate::Fails { times, failure }
            }
        }
    }

    fn draw_failure(&mut self) -> Failure {
        match self.dice.below(9) {
            0..3 => Failure::Transient,
            3 => Failure::RetryAfter(self.dice.millis(10, 5_000)),
            4 => Failure::Held(self.dice.millis(0, 3_000)),
            5 => Failure::Unknown,
            6 => Failure::Permanent,
            7 => Failure::Fatal,
            _ => Failure::Panic,
        }
    }

    /// One call of the handler for a record of this fate, which had so many before in this process.
    pub(super) fn attempt(&mut self, fate: Fate, before: u32) -> Attempt {
        let slow = self.dice.percent(self.plan.slow_percent);
        let most = if slow { self.plan.slow_for_max.as_millis() as usize } else { 3 };
        let time = if !slow && self.dice.one_in(2) { Duration::ZERO } else { self.dice.millis(0, most) };
        if slow {
            self.hit(Fault::HandlerSlow);
        }
        let ending = match fate {
            Fate::Tombstone => return self.at_once(Fault::Tombstone, Ending::Skipped),
            Fate::Undecodable => {
                let fault = error::Fault::Permanent;
                let ending = Ending::Failed { fault, counts_attempt: true, stage: "decode" };
                return self.at_once(Fault::Undecodable, ending);
            }
            Fate::Stuck { times } if before < times => {
                self.hit(Fault::HandlerStuck);
                return None;
            }
            Fate::Fails { times, failure } if before < times => self.fail(failure),
            Fate::Fails { .. } | Fate::Stuck { .. } | Fate::Handled => match self.downstream.outage {
                Some(outage) => {
                    self.hit(Fault::Outage);
                    self.fail(outage.failure)
                }
                None => Ending::Handled,
            },
        };
        Some((time, ending))
    }

    fn at_once(&mut self, fault: Fault, ending: Ending) -> Attempt {
        self.hit(fault);
        Some((Duration::ZERO, ending))
    }

    fn fail(&mut self, failure: Failure) -> Ending {
        let transient = |retry_after| error::Fault::Transient { retry_after };
        let (hit, fault, counts_attempt) = match failure {
            Failure::Transient => (Fault::HandlerTransient, transient(None), true),
            Failure::RetryAfter(time) => (Fault::HandlerRetryAfter, transient(Some(time)), true),
            Failure::Held(time) => (Fault::HandlerHeld, transient(Some(time)), false),
            Failure::Unknown => (Fault::HandlerUnknown, error::Fault::Unknown, true),
            Failure::Permanent => (Fault::HandlerPermanent, error::Fault::Permanent, true),
            Failure::Fatal => (Fault::HandlerFatal, error::Fault::Fatal, true),
            Failure::Panic => (Fault::HandlerPanic, error::Fault::Permanent, true),
        };
        self.hit(hit);
        let stage = if failure == Failure::Panic { "panic" } else { "handler" };
        Ending::Failed { fault, counts_attempt, stage }
    }

    /// From now on every call fails.
    pub(super) fn break_downstream(&mut self) {
        let failure = self.dice.pick([Failure::Transient, Failure::Unknown]);
        self.say(format_args!("downstream fails: {failure:?}"));
        let longest = self.plan.slow_for_max.max(self.plan.handler_timeout);
        self.downstream.outages += 1;
        let (number, whole_from) = (self.downstream.outages, self.now + longest);
        self.downstream.outage = Some(Outage { failure, number, whole_from });
    }

    /// The number of the outage in which every attempt fails, and every one that still ran has ended.
    pub(super) fn outage(&self) -> Option<u32> {
        let outage = self.downstream.outage?;
        (outage.whole_from <= self.now).then_some(outage.number)
    }

    pub(super) fn repair_downstream(&mut self) {
        if self.downstream.outage.take().is_some() {
            self.say(format_args!("downstream works again"));
        }
    }
}
