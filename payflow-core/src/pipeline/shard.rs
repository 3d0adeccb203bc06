//! What one shard does with the deliveries of its lanes: start, repeat, dead-letter, settle. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::Order;
use super::lanes::{Direct, EntryId, Lanes, Routed};
use super::random::Random;
use super::retry::{Decision, RetryPolicy, dead_letter_pause};
use super::shelf::emptied;
use crate::consumer::{AckToken, Delivery};
use crate::error::{Error, Fault};

/// The part of the engine that a shard's worker carries out.
#[derive(Debug)]
pub(super) struct Shard {
    lanes: Lanes<State>,
    retry: RetryPolicy,
    handler_timeout: Duration,
    random: Random,
    parked: BinaryHeap<Reverse<(Instant, EntryId)>>,
    /// All have the same timeout, so the order of starts is the order of deadlines.
    deadlines: VecDeque<(Instant, EntryId, u32)>,
    settled: Settled,
}

/// What the shard knows of a delivery beyond its lane.
#[derive(Debug, Default)]
struct State {
    /// Attempts that counted.
    attempts: u32,
    /// Starts of any work, to tell a deadline of an earlier one.
    starts: u32,
    /// An attempt may have had its effect.
    unknown: bool,
    /// Where its future sits.
    seat: Option<usize>,
    /// Its partition is being revoked, or the pipeline shuts down: it may finish, and begins nothing new.
    stopping: bool,
    /// Why it is to be dead-lettered, once it is.
    verdict: Option<Box<Verdict>>,
}

/// Why a record is dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) failure: Box<Failure>,
    pub(super) attempts: u32,
    /// Publications that failed.
    pub(super) failures: u32,
}

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    pub(super) counts_attempt: bool,
    pub(super) stage: &'static str,
    pub(super) reason: String,
}

/// What a worker is to run.
#[derive(Debug)]
pub(super) enum Work {
    /// The handler, for the `attempt`th time.
    Handle { attempt: u32 },
    /// The publication of a dead letter.
    DeadLetter(Box<Verdict>),
}

/// How work ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Handled,
    /// A tombstone: there is nothing to handle.
    Skipped,
    /// Boxed, as below: what ends well is moved often, and failures are rare.
    Failed(Box<Failure>),
    DeadLettered,
    NotDeadLettered(Box<Error>),
}

/// Deliveries that have left the shard.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) finished: Vec<AckToken>,
    pub(super) given_up: Vec<AckToken>,
    pub(super) bytes: usize,
    /// Their memory, to be used again.
    pub(super) emptied: Vec<Arc<Delivery>>,
    pub(super) counts: Counts,
    /// The dead letters' producer is unusable.
    pub(super) broken: Option<Error>,
}

/// What happened, to be added up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) handled: u64,
    pub(super) skipped: u64,
    pub(super) failed_attempts: u64,
    pub(super) dead_lettered: u64,
    pub(super) dead_letters_failed: u64,
}

impl Settled {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        let nothing_left = self.finished.is_empty() && self.given_up.is_empty();
        nothing_left && self.counts == Counts::default() && self.broken.is_none()
    }
}

impl Shard {
    pub(super) fn new(order: Order, retry: RetryPolicy, handler_timeout: Duration, seed: u64) -> Self {
        Self {
            lanes: Lanes::new(order),
            retry,
            handler_timeout,
            random: Random::seeded(seed),
            parked: BinaryHeap::new(),
            deadlines: VecDeque::new(),
            settled: Settled::default(),
        }
    }

    pub(super) fn deliver(&mut self, routed: Routed) {
        self.lanes.push(routed);
    }

    /// The delivery to start now, for its first attempt, if its lane is idle; it waits its turn otherwise. Either it
    /// [ends](Self::ended_directly) or it is [taken in](Self::enter) before anything else is asked of the shard.
    pub(super) fn deliver_or_start(&mut self, routed: Routed) -> Option<Direct> {
        self.lanes.push_or_start(routed)
    }

    /// What was started directly did not end at once.
    pub(super) fn enter(&mut self, direct: Direct) -> EntryId {
        let id = self.lanes.enter(direct);
        if let Some(entry) = self.lanes.get_mut(id) {
            entry.state.starts = 1;
        }
        id
    }

    /// What was started directly ended at once.
    pub(super) fn ended_directly(&mut self, direct: Direct, outcome: Outcome, now: Instant) {
        let counts = &mut self.settled.counts;
        match outcome {
            Outcome::Handled => counts.handled += 1,
            Outcome::Skipped => counts.skipped += 1,
            unfinished => {
                let id = self.enter(direct);
                return self.ended(id, unfinished, now);
            }
        }
        self.settled.finish(direct.into_delivery());
    }

    /// Starts nothing more of the partition `slot` (`None`: of all): gives up what is not running.
    pub(super) fn stop(&mut self, slot: Option<u32>) {
        let settled = &mut self.settled;
        self.lanes.take_unstarted(
            slot,
            |entry| settled.give_up(entry.delivery),
            |_, entry| entry.state.stopping = true,
        );
        let lanes = &self.lanes;
        self.parked.retain(|Reverse((_, id))| lanes.get(*id).is_some());
    }

    /// Gives up everything of the partition `slot` (`None`: of all). The futures in `vacated` are to be dropped.
    pub(super) fn cut(&mut self, slot: Option<u32>, vacated: &mut Vec<usize>) {
        self.stop(slot);
        let mut running = Vec::new();
        self.lanes.take_unstarted(slot, |_| {}, |id, _| running.push(id));
        for id in running {
            if let Some(entry) = self.lanes.remove(id) {
                vacated.extend(entry.state.seat);
                self.settled.give_up(entry.delivery);
            }
        }
    }

    /// The next work that may start, and a copy of the delivery it is about.
    pub(super) fn start(&mut self) -> Option<(EntryId, Work, Arc<Delivery>)> {
        let id = self.lanes.start()?;
        let entry = self.lanes.get_mut(id)?;
        entry.state.starts = entry.state.starts.wrapping_add(1);
        let work = match &entry.state.verdict {
            Some(verdict) => Work::DeadLetter(verdict.clone()),
            None => Work::Handle { attempt: entry.state.attempts + 1 },
        };
        Some((id, work, Arc::clone(&entry.delivery)))
    }

    /// Started work did not end at once: its future sits in `seat`.
    pub(super) fn seated(&mut self, id: EntryId, seat: usize, now: Instant) {
        if let Some(entry) = self.lanes.get_mut(id) {
            entry.state.seat = Some(seat);
            let starts = entry.state.starts;
            self.deadlines.push_back((now + self.handler_timeout, id, starts));
            self.forget_deadlines();
        }
    }

    /// Lets go of the deadlines of what has ended, which lie behind that of something that runs long.
    fn forget_deadlines(&mut self) {
        if self.deadlines.len() > 2 * self.lanes.len() + 64 {
            let lanes = &self.lanes;
            self.deadlines.retain(|(_, id, starts)| {
                lanes.get(*id).is_some_and(|entry| entry.is_running() && entry.state.starts == *starts)
            });
        }
    }

    /// Started work ended.
    pub(super) fn ended(&mut self, id: EntryId, outcome: Outcome, now: Instant) {
        let counts = &mut self.settled.counts;
        match outcome {
            Outcome::Handled => {
                counts.handled += 1;
                self.finish(id);
            }
            Outcome::Skipped => {
                counts.skipped += 1;
                self.finish(id);
            }
            Outcome::DeadLettered => {
                counts.dead_lettered += 1;
                self.finish(id);
            }
            Outcome::Failed(failure) => {
                counts.failed_attempts += 1;
                self.failed(id, failure, now);
            }
            Outcome::NotDeadLettered(_) => {
                counts.dead_letters_failed += 1;
                self.not_dead_lettered(id, now);
            }
        }
    }

    /// Ends what has run for longer than an attempt may. The futures in `vacated` are to be dropped.
    pub(super) fn expire(&mut self, now: Instant, vacated: &mut Vec<usize>) {
        while let Some((deadline, id, starts)) = self.deadlines.front().copied() {
            let current =
                self.lanes.get(id).is_some_and(|entry| entry.is_running() && entry.state.starts == starts);
            if current && deadline > now {
                break;
            }
            self.deadlines.pop_front();
            if current {
                self.time_out(id, now, vacated);
            }
        }
    }

    /// Lets what has waited long enough start again.
    pub(super) fn unpark(&mut self, now: Instant) {
        while let Some(Reverse((due, id))) = self.parked.peek().copied() {
            if due > now {
                break;
            }
            self.parked.pop();
            self.lanes.wake(id);
        }
    }

    /// When [`expire`](Self::expire) or [`unpark`](Self::unpark) has something to do next.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let parked = self.parked.peek().map(|Reverse((due, _))| *due);
        let deadline = self.deadlines.front().map(|(deadline, _, _)| *deadline);
        [parked, deadline].into_iter().flatten().min()
    }

    pub(super) fn has_ready(&self) -> bool {
        self.lanes.has_ready()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// What left the shard since it was last taken.
    pub(super) const fn settled(&mut self) -> &mut Settled {
        &mut self.settled
    }

    fn finish(&mut self, id: EntryId) {
        if let Some(entry) = self.lanes.remove(id) {
            self.settled.finish(entry.delivery);
        }
    }

    fn give_up(&mut self, id: EntryId) {
        if let Some(entry) = self.lanes.remove(id) {
            self.settled.give_up(entry.delivery);
        }
    }

    fn failed(&mut self, id: EntryId, mut failure: Box<Failure>, now: Instant) {
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        entry.state.seat = None;
        entry.state.unknown |= failure.fault == Fault::Unknown;
        if entry.state.stopping {
            return self.give_up(id);
        }
        let decision = if failure.counts_attempt {
            entry.state.attempts += 1;
            self.retry.decide(failure.fault, entry.state.attempts, &mut self.random)
        } else {
            Decision::After(pause_without_attempt(failure.fault))
        };
        match decision {
            Decision::After(pause) => self.park(id, now + pause),
            Decision::GiveUp => {
                let attempts = entry.state.attempts;
                // A later attempt that surely failed says nothing about an earlier one.
                if entry.state.unknown {
                    failure.fault = Fault::Unknown;
                }
                entry.state.verdict = Some(Box::new(Verdict { failure, attempts, failures: 0 }));
                self.lanes.wake(id);
            }
        }
    }

    fn not_dead_lettered(&mut self, id: EntryId, now: Instant) {
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        entry.state.seat = None;
        if entry.state.stopping {
            return self.give_up(id);
        }
        let failures = entry.state.verdict.as_mut().map_or(1, |verdict| {
            verdict.failures = verdict.failures.saturating_add(1);
            verdict.failures
        });
        let pause = dead_letter_pause(failures, &mut self.random);
        self.park(id, now + pause);
    }

    fn time_out(&mut self, id: EntryId, now: Instant, vacated: &mut Vec<usize>) {
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        vacated.extend(entry.state.seat.take());
        let outcome = match entry.state.verdict {
            Some(_) => {
                Outcome::NotDeadLettered(Box::new(Error::unknown("publish dead letter").because("timed out")))
            }
            None => Outcome::Failed(Box::new(Failure {
                fault: Fault::Unknown,
                counts_attempt: true,
                stage: "timeout",
                reason: format!("no outcome within {:?}", self.handler_timeout),
            })),
        };
        self.ended(id, outcome, now);
    }

    fn park(&mut self, id: EntryId, due: Instant) {
        self.lanes.park(id);
        self.parked.push(Reverse((due, id)));
    }
}

impl Settled {
    fn finish(&mut self, delivery: Arc<Delivery>) {
        self.finished.push(delivery.token);
        self.let_go(delivery);
    }

    fn give_up(&mut self, delivery: Arc<Delivery>) {
        self.given_up.push(delivery.token);
        self.let_go(delivery);
    }

    fn let_go(&mut self, delivery: Arc<Delivery>) {
        self.bytes += delivery.size_bytes();
        self.emptied.extend(emptied(delivery));
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

#[cfg(test)]
mod tests;
