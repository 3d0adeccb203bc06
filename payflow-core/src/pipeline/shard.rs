//! What one shard does with the deliveries of its lanes: start, repeat, dead-letter, settle. Pure.

mod attempt;
mod census;
mod deadlines;
mod direct;
mod failing;
mod settled;
mod sheltered;
mod weather;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use attempt::{Failure, Outcome, Verdict, Work};
pub(super) use settled::{Counts, Settled};

use attempt::State;
use deadlines::Deadlines;
use sheltered::Sheltered;

use super::config::PipelineConfig;
use super::engine::ToShard;
use super::lanes::{self, Class, EntryId, LaneHead, LaneShare, Lanes, Routed};
use super::random::Random;
use super::retry::RetryPolicy;
use super::storm::{Destination, Probed, StormWatch};
use crate::consumer::Delivery;

/// The part of the engine that a shard's worker carries out.
#[derive(Debug)]
pub(super) struct Shard {
    lanes: Lanes<State>,
    retry: RetryPolicy,
    handler_timeout: Duration,
    random: Random,
    parked: BinaryHeap<Reverse<(Instant, EntryId)>>,
    deadlines: Deadlines,
    storms: StormWatch,
    sheltered: Sheltered,
    /// By destination: attempts that succeeded, and the storms' guards were not told of yet.
    successes: Vec<u64>,
    /// A storm has begun, or a probe ended: what other shards wait for, and what is to be told.
    weather_changed: bool,
    paused: bool,
    settled: Settled,
}

/// A seat whose future is to be dropped, and as what that was started.
pub(super) type Vacated = (usize, Class);

impl Shard {
    pub(super) fn new(config: &PipelineConfig, storms: StormWatch, seed: u64) -> Self {
        let share = LaneShare::of_bounds(config.records_max, config.bytes_max);
        Self {
            lanes: Lanes::new(config.order, share),
            retry: config.retry.clone(),
            handler_timeout: config.handler_timeout,
            random: Random::seeded(seed),
            parked: BinaryHeap::new(),
            deadlines: Deadlines::default(),
            storms,
            sheltered: Sheltered::default(),
            successes: Vec::new(),
            weather_changed: false,
            paused: false,
            settled: Settled::default(),
        }
    }

    pub(super) fn deliver(&mut self, routed: Routed, destination: Destination, now: Instant) {
        self.deliver_into(self.lanes.lane_of(&routed), routed, destination, now);
    }

    /// The lane that a delivery would wait in behind another, if there is one in it. To be [told](Self::deliver_into) before anything
    /// else is asked of the shard.
    pub(super) fn lane_of(&self, routed: &Routed) -> Option<LaneHead> {
        self.lanes.lane_of(routed)
    }

    /// Does what the engine orders. The futures in `vacated` are to be dropped.
    pub(super) fn obey(&mut self, order: ToShard, now: Instant, vacated: &mut Vec<Vacated>) {
        match order {
            ToShard::Stop(slot) => self.stop(slot),
            ToShard::Cut(slot) => self.cut(slot, now, vacated),
            ToShard::Newest { slot, offset } => self.newest(slot, offset),
            ToShard::Pause => self.pause(),
            ToShard::Resume => self.resume(),
        }
    }

    /// Starts nothing more until [resumed](Self::resume); what runs goes on.
    pub(super) const fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) const fn resume(&mut self) {
        self.paused = false;
    }

    /// Starts nothing more of the partition `slot` (`None`: of all): gives up what is not running.
    pub(super) fn stop(&mut self, slot: Option<u32>) {
        let settled = &mut self.settled;
        self.lanes.take_unstarted(
            slot,
            |delivery| settled.give_up(delivery),
            |_, state| state.stopping = true,
        );
        self.lanes.forget_newest(slot);
        let lanes = &self.lanes;
        self.parked.retain(|Reverse((_, id))| lanes.get(*id).is_some());
        self.sheltered.retain(|id| lanes.get(id).is_some());
    }

    /// Gives up everything of the partition `slot` (`None`: of all). The futures in `vacated` are to be dropped.
    pub(super) fn cut(&mut self, slot: Option<u32>, now: Instant, vacated: &mut Vec<Vacated>) {
        self.stop(slot);
        let mut running = Vec::new();
        self.lanes.take_unstarted(slot, |_| {}, |id, _| running.push(id));
        for id in running {
            let seat = self.leave_seat(id);
            if let Some(entry) = self.lanes.get(id) {
                vacated.extend(seat.map(|seat| (seat, entry.state.class)));
            }
            self.end_probe(id, Probed::Inconclusive, now);
            self.give_up(id);
        }
    }

    /// The next work of a class that may start, and a copy of the delivery it is about.
    pub(super) fn start(&mut self, class: Class, now: Instant) -> Option<(EntryId, Work, Arc<Delivery>)> {
        if self.paused {
            return None;
        }
        // Twice: what was ready may be sheltered, and be the probe.
        let probe = self.start_probe(class, now);
        let id = probe.or_else(|| self.start_ready(class)).or_else(|| self.start_probe(class, now))?;
        let entry = self.lanes.get_mut(id)?;
        entry.state.class = class;
        Some((id, entry.state.work(), Arc::clone(entry.delivery())))
    }

    /// Whether [`start`](Self::start) may find something of a class.
    #[inline]
    pub(super) fn has_ready(&self, class: Class, now: Instant) -> bool {
        let probes = || class == Class::Again && self.watches_weather() && self.probe_is_due(now);
        !self.paused && (self.lanes.has_ready(class) || probes())
    }

    /// Started work did not end at once: its future sits in `seat`. Its [time](Self::times) does not run yet.
    pub(super) fn seated(&mut self, id: EntryId, seat: usize) {
        if let Some(entry) = self.lanes.get_mut(id) {
            entry.state.seat = Some(seat);
            entry.state.turn = self.deadlines.begin();
        }
    }

    /// The time runs from now on of what was [seated](Self::seated) since this was last told.
    pub(super) fn times(&mut self, now: Instant) {
        self.deadlines.set(now + self.handler_timeout);
        if self.deadlines.len() > 2 * self.lanes.len() + 64 {
            let renumbered = self.deadlines.forget_ended();
            for state in self.lanes.states_mut().filter(|state| state.seat.is_some()) {
                state.turn = renumbered(state.turn);
            }
        }
    }

    /// Started work has left its seat, if it was in one. Which that was.
    pub(super) fn leave_seat(&mut self, id: EntryId) -> Option<usize> {
        let state = &mut self.lanes.get_mut(id)?.state;
        let seat = state.seat.take()?;
        self.deadlines.end(state.turn);
        Some(seat)
    }

    /// Started work ended.
    pub(super) fn ended(&mut self, id: EntryId, outcome: Outcome, now: Instant) {
        if !matches!(outcome, Outcome::Handled) {
            self.leave_seat(id);
        }
        let counts = &mut self.settled.counts;
        match outcome {
            Outcome::Handled => self.handled(id, now),
            Outcome::Skipped => {
                counts.skipped += 1;
                self.end_probe(id, Probed::Inconclusive, now);
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
    pub(super) fn expire(&mut self, now: Instant, vacated: &mut Vec<Vacated>) {
        while let Some(turn) = self.deadlines.take_overdue(now) {
            for id in self.lanes.find_all(|state| state.seat.is_some() && state.turn == turn) {
                self.time_out(id, now, vacated);
            }
        }
    }

    /// Lets what has waited long enough start again, and what waited for a storm that is over.
    pub(super) fn unpark(&mut self, now: Instant) {
        while let Some(Reverse((due, id))) = self.parked.peek().copied() {
            if due > now {
                break;
            }
            self.parked.pop();
            let waits = |entry: &lanes::Entry<State>| entry.is_parked() && entry.state.due() == Some(due);
            if self.lanes.get(id).is_some_and(waits) {
                self.lanes.wake(id, Class::Again);
            }
        }
        if !self.sheltered.is_empty() {
            self.leave_shelter();
        }
    }

    /// When [`expire`](Self::expire), [`unpark`](Self::unpark) or, after `now`, [`start`](Self::start) has something to
    /// do next.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let parked = self.parked.peek().map(|Reverse((due, _))| *due);
        let probe = self.probe_at().filter(|at| *at > now && !self.paused);
        [parked, self.deadlines.next(), probe].into_iter().flatten().min()
    }

    /// Tells the storms' guards what succeeded. Due now and then, and done before any failure.
    pub(super) fn tell_successes(&mut self) {
        for (index, attempts) in (0..).zip(&mut self.successes) {
            if *attempts > 0 {
                self.storms.succeeded(Destination::number(index), std::mem::take(attempts));
            }
        }
    }

    /// Whether a storm has begun or a probe ended since this was last asked.
    pub(super) const fn take_weather_changed(&mut self) -> bool {
        std::mem::replace(&mut self.weather_changed, false)
    }

    /// Whether it waits for other shards to tell it how a probe ended.
    #[inline]
    pub(super) const fn watches_weather(&self) -> bool {
        !self.sheltered.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// What left the shard since it was last taken.
    pub(super) const fn settled(&mut self) -> &mut Settled {
        &mut self.settled
    }

    /// Takes a delivery into its lane, which was just looked up.
    #[inline(never)]
    pub(super) fn deliver_into(
        &mut self,
        lane: Option<LaneHead>,
        routed: Routed,
        destination: Destination,
        now: Instant,
    ) {
        if let Some(head) = self.lanes.push(lane, routed, State::new(destination), now) {
            self.relieve(head);
        }
    }

    fn finish(&mut self, id: EntryId) {
        if let Some((delivery, state)) = self.lanes.remove(id) {
            *state = State::default();
            self.settled.finish(delivery);
        }
    }

    fn give_up(&mut self, id: EntryId) {
        if let Some((delivery, state)) = self.lanes.remove(id) {
            *state = State::default();
            self.settled.give_up(delivery);
        }
    }

    /// Started work was handled.
    // Always: for each message that waited.
    #[inline(always)]
    pub(super) fn handled(&mut self, id: EntryId, now: Instant) {
        self.settled.counts.handled += 1;
        let Some((delivery, state)) = self.lanes.remove(id) else {
            return;
        };
        state.forget_history();
        let State { seat, turn, probes, destination, .. } = *state;
        self.count_success(destination);
        if seat.is_some() {
            self.deadlines.end(turn);
        }
        self.settled.finish(delivery);
        if probes {
            self.probed(destination, Probed::Succeeded, now);
        }
    }
}

#[cfg(test)]
mod tests;
