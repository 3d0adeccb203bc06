//! What a shard does with what failed: try again, set aside, give up.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::attempt::{Failure, Outcome, Verdict};
use super::{Shard, Vacated};
use crate::error::{Error, Fault};
use crate::pipeline::lanes::{Class, EntryId};
use crate::pipeline::retry::{Decision, RetryPolicy, dead_letter_pause};
use crate::pipeline::storm::Probed;

impl Shard {
    pub(super) fn failed(&mut self, id: EntryId, failure: Box<Failure>, now: Instant) {
        self.tell_successes();
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        let state = &mut entry.state;
        state.history().unknown |= failure.fault == Fault::Unknown;
        let (stopping, destination) = (state.stopping, state.destination);
        // Waiting for another's claim says nothing about the destination, either.
        let counts = failure.may_pass() && failure.counts_attempt;
        let lane = self.lanes.storm_lane(id);
        let storm = counts && self.storms.failed(destination, lane, now);
        self.weather_changed |= storm;
        self.end_probe(id, if counts { Probed::Failed } else { Probed::Inconclusive }, now);
        if stopping {
            self.give_up(id);
        } else if storm {
            self.shelter(id, Some(failure));
        } else if !failure.counts_attempt {
            self.park(id, now + pause_without_attempt(failure.fault), failure);
        } else {
            self.failed_attempt(id, failure, now);
        }
    }

    fn failed_attempt(&mut self, id: EntryId, failure: Box<Failure>, now: Instant) {
        let is_full = self.lanes.has_full_lane(id);
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        let history = entry.state.history();
        history.attempts += 1;
        match self.retry.decide(failure.fault, history.attempts, &mut self.random) {
            Decision::After(_) if is_full => self.condemn(id, failure.cut_short()),
            Decision::After(pause) => self.park(id, now + pause, failure),
            Decision::GiveUp => self.condemn(id, failure),
        }
    }

    /// The lane of `head` is full: if that only waits for its next attempt, it is set aside instead, so that the lane takes
    /// no more than its share.
    pub(super) fn relieve(&mut self, head: EntryId) {
        let Some(entry) = self.lanes.get_mut(head).filter(|entry| entry.is_parked()) else {
            return;
        };
        let state = &mut entry.state;
        // One that waits for a storm to pass, though that is over by now, has its next attempt at once.
        if state.due().is_some()
            && state.verdict().is_none()
            && !self.storms.is_on(state.destination)
            && let Some(failure) = state.history().last.take_if(|failure| failure.counts_attempt)
        {
            self.condemn(head, failure.cut_short());
        }
    }

    /// The partition `slot` stands at `newest`: lanes whose heads have grown old by that are relieved of them.
    pub(in crate::pipeline) fn newest(&mut self, slot: u32, newest: i64) {
        for head in self.lanes.newest(slot, newest) {
            self.relieve(head);
        }
    }

    /// To the dead letters with it.
    fn condemn(&mut self, id: EntryId, mut failure: Box<Failure>) {
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        let may_pass = failure.may_pass();
        // A later attempt that surely failed says nothing about an earlier one.
        let history = entry.state.history();
        if history.unknown {
            failure.fault = Fault::Unknown;
        }
        let attempts = history.attempts;
        history.verdict = Some(Box::new(Verdict { failure, attempts, may_pass, failures: 0 }));
        self.lanes.wake(id, Class::Again);
    }

    pub(super) fn not_dead_lettered(&mut self, id: EntryId, now: Instant) {
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        if entry.state.stopping {
            return self.give_up(id);
        }
        let failures = entry.state.history().verdict.as_mut().map_or(1, |verdict| {
            verdict.failures = verdict.failures.saturating_add(1);
            verdict.failures
        });
        let pause = dead_letter_pause(failures, &mut self.random);
        self.park_until(id, now + pause);
    }

    pub(super) fn time_out(&mut self, id: EntryId, now: Instant, vacated: &mut Vec<Vacated>) {
        let seat = self.leave_seat(id);
        let Some(entry) = self.lanes.get(id) else {
            return;
        };
        vacated.extend(seat.map(|seat| (seat, entry.state.class)));
        let outcome = match entry.state.verdict() {
            Some(_) => {
                Outcome::NotDeadLettered(Box::new(Error::unknown("publish dead letter").because("timed out")))
            }
            None => {
                let reason = format!("no outcome within {:?}", self.handler_timeout);
                Outcome::Failed(Box::new(Failure::new(Fault::Unknown, "timeout", reason)))
            }
        };
        self.ended(id, outcome, now);
    }

    fn park(&mut self, id: EntryId, due: Instant, failure: Box<Failure>) {
        if let Some(entry) = self.lanes.get_mut(id) {
            entry.state.history().last = Some(failure);
        }
        self.park_until(id, due);
    }

    fn park_until(&mut self, id: EntryId, due: Instant) {
        self.lanes.park(id);
        if let Some(entry) = self.lanes.get_mut(id) {
            entry.state.history().due = Some(due);
            self.parked.push(Reverse((due, id)));
            self.forget_parked();
        }
    }

    /// Lets go of the times of what was set aside before they came.
    fn forget_parked(&mut self) {
        if self.parked.len() > 2 * self.lanes.len() + 64 {
            let lanes = &self.lanes;
            self.parked.retain(|Reverse((due, id))| {
                lanes.get(*id).is_some_and(|entry| entry.is_parked() && entry.state.due() == Some(*due))
            });
        }
    }
}

/// Waiting for somebody else's claim: as long as was said, and never in a tight loop.
fn pause_without_attempt(fault: Fault) -> Duration {
    let asked = match fault {
        Fault::Transient { retry_after } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    asked.clamp(Duration::from_millis(50), RetryPolicy::RETRY_AFTER_MAX)
}
