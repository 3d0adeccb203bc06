//! What the pipeline decides: assignments, bounds, commits, drain. Pure: takes events and `now`, returns actions.

mod commits;
mod lane_hash;
mod protocol;
mod receives;
mod slots;

use std::sync::Arc;
use std::time::{Duration, Instant};

use commits::Commits;
use lane_hash::LaneHash;
pub(super) use protocol::{Actions, Event, Parcel, ToShard};
use receives::Receives;
use slots::Slots;

use super::config::{Order, PipelineConfig};
use super::events::PipelineEvent;
use super::handle::{Life, Turn};
use super::lanes::Routed;
use super::shard::Settled;
use crate::consumer::{AckToken, Assignment, Change, Deliveries, Delivery, Inbound, Room, emptied};
use crate::error::{Error, Fault};

/// The state of a pipeline.
#[derive(Debug)]
pub(super) struct Engine {
    order: Order,
    records_max: usize,
    bytes_max: usize,
    drain: Duration,
    lane_hash: LaneHash,
    unkeyed: u64,
    slots: Slots,
    records: usize,
    bytes: usize,
    /// Memory of what came back, for deliveries to come.
    spare: Vec<Arc<Delivery>>,
    commits: Commits,
    receives: Receives,
    paused: bool,
    phase: Phase,
    fatal: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The source has ended; what is held is handled to its end, unless a further assignment brings more.
    Ended,
    /// Running handlers may finish until then.
    Draining {
        until: Instant,
    },
    /// What still ran was cut off: the shards answer at once.
    Cutting {
        until: Instant,
    },
    /// All tokens are back; the last commit may take until then.
    Committing {
        until: Instant,
    },
    Done,
}

impl Engine {
    pub(super) fn new(config: &PipelineConfig, hash_keys: (u64, u64), now: Instant) -> Self {
        Self {
            order: config.order,
            records_max: config.records_max,
            bytes_max: config.bytes_max,
            drain: config.drain,
            lane_hash: LaneHash::keyed(hash_keys),
            unkeyed: 0,
            slots: Slots::default(),
            records: 0,
            bytes: 0,
            spare: Vec::new(),
            commits: Commits::new(config.commit_interval, config.commit_records, now),
            receives: Receives::default(),
            paused: false,
            phase: Phase::Running,
            fatal: None,
        }
    }

    /// Takes an event, and adds what follows to `actions`.
    pub(super) fn on(&mut self, event: Event<'_>, now: Instant, actions: &mut Actions) {
        match event {
            Event::Received(inbound) => self.received(inbound, now, actions),
            Event::ReceiveFailed(error) => self.receive_failed(error, now, actions),
            Event::Settled(settled) => self.settled(settled, actions),
            Event::Broken(error) => self.break_off(error, now, actions),
            Event::Committed(result) => self.committed(result, now, actions),
            Event::Pause(pause) => self.pause(pause, actions),
            Event::ShutDown => self.shut_down(now, actions),
            Event::Tick => {}
        }
        self.cut_overdue(now, actions);
        self.advance(now, actions);
    }

    /// What the next receive may hand over.
    pub(super) fn room(&self) -> Room {
        if self.phase != Phase::Running || self.paused {
            return Room::NONE;
        }
        Room {
            records: self.records_max.saturating_sub(self.records),
            bytes: self.bytes_max.saturating_sub(self.bytes),
            first_may_exceed: self.records == 0,
        }
    }

    /// Whether to receive now.
    pub(super) fn receives(&self, now: Instant) -> bool {
        self.receives.are_due(now)
    }

    /// When a [`Event::Tick`] is due.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Draining { until } | Phase::Cutting { until } | Phase::Committing { until } => Some(until),
            Phase::Running | Phase::Ended | Phase::Done => None,
        };
        let due = [phase, self.slots.next_cut(), self.receives.due_at(), self.commits.due_at()];
        due.into_iter().flatten().min()
    }

    /// Whether all is done, and why it ended: `Err` if something broke.
    pub(super) fn outcome(&mut self) -> Option<Result<(), Error>> {
        (self.phase == Phase::Done).then(|| self.fatal.take().map_or(Ok(()), Err))
    }

    /// Whether nothing is to be started.
    pub(super) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// What the handle is to tell.
    pub(super) fn turn(&self) -> Turn {
        let life = match self.phase {
            Phase::Running | Phase::Ended => Life::Running,
            Phase::Draining { .. } | Phase::Cutting { .. } | Phase::Committing { .. } => Life::Stopping,
            Phase::Done => Life::Ended,
        };
        let (records, bytes) = (self.records, self.bytes);
        let idle = records == 0 && self.slots.are_at_end();
        let (partitions, leaving) = (self.slots.active(), self.slots.leaving());
        Turn { life, partitions, leaving, records, bytes, idle, paused: self.paused }
    }

    /// How many deliveries are held.
    #[cfg(test)]
    pub(super) const fn records(&self) -> usize {
        self.records
    }

    /// How many bytes of deliveries are held.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn received(&mut self, inbound: &mut Inbound, now: Instant, actions: &mut Actions) {
        // A source that only says again that it has ended does not wait, and is not asked again.
        let repeats_itself = self.phase == Phase::Ended && inbound.changes.is_empty() && inbound.ended;
        let failures = self.receives.succeeded();
        if failures > 0 {
            actions.events.push(PipelineEvent::ReceiveRecovered { failures });
        }
        for change in inbound.changes.drain(..) {
            self.changed(change, now, actions);
        }
        self.admit(&mut inbound.deliveries, actions);
        for end in &inbound.ends {
            self.slots.reached_end(end.slot, end.generation);
            // It may close a gap: then there is more to commit than before, though nothing finished.
            self.commits.moved(1);
        }
        if inbound.ended && self.phase == Phase::Running {
            self.phase = Phase::Ended;
        }
        if repeats_itself {
            self.receives.end();
        }
        inbound.clear();
    }

    fn changed(&mut self, change: Change, now: Instant, actions: &mut Actions) {
        match change {
            Change::Assigned(assignments) => {
                if self.phase == Phase::Ended {
                    // There is more after all: another member has left.
                    self.phase = Phase::Running;
                }
                for assignment in assignments {
                    let hash = self.partition_hash(&assignment);
                    if self.slots.assign(assignment.slot, assignment.generation, hash) {
                        actions.tell_all(ToShard::Cut(Some(assignment.slot)));
                    }
                }
            }
            Change::Revoking { assignments, until } => {
                actions.events.push(PipelineEvent::Revoking { partitions: assignments.len() });
                // A little earlier than the partition goes, so that what finished by then is still committed.
                let margin = (until.saturating_duration_since(now) / 10).min(Duration::from_millis(100));
                for assignment in assignments {
                    if self.slots.stop(assignment.slot, assignment.generation, until - margin) {
                        actions.tell_all(ToShard::Stop(Some(assignment.slot)));
                    }
                }
            }
            Change::Lost(assignments) => {
                actions.events.push(PipelineEvent::Lost { partitions: assignments.len() });
                for assignment in assignments {
                    if self.slots.lose(assignment.slot, assignment.generation) {
                        actions.tell_all(ToShard::Cut(Some(assignment.slot)));
                    }
                }
            }
        }
    }

    /// Sends what was handed over to the shards.
    #[inline(never)]
    fn admit(&mut self, deliveries: &mut Deliveries, actions: &mut Actions) {
        if !matches!(self.phase, Phase::Running | Phase::Ended) {
            actions.given_up.extend(deliveries.iter().map(|delivery| delivery.token));
            return deliveries.clear();
        }
        for delivery in deliveries.drain_shared() {
            let Some(handed_out) = self.slots.hand_out(delivery.token, delivery.offset) else {
                actions.given_up.push(delivery.token);
                self.spare.extend(emptied(delivery));
                continue;
            };
            if handed_out.tells {
                actions.tell_all(ToShard::Newest { slot: delivery.token.slot(), offset: delivery.offset });
            }
            self.records += 1;
            self.bytes += delivery.size_bytes();
            let hash = self.lane_hash(handed_out.partition, delivery.key());
            let shard = match actions.to_shards.as_mut_slice() {
                [only] => only,
                // There are some: the configuration wants one at least.
                several => &mut several[hash as usize % several.len()],
            };
            shard.deliveries.push(Routed { hash, delivery });
        }
        deliveries.restock(&mut self.spare);
    }

    fn partition_hash(&self, assignment: &Assignment) -> u64 {
        // The number is spread over all bits by the golden ratio: nobody chooses it, so it needs no keyed hash.
        let number = u64::from(assignment.partition.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.lane_hash.of(assignment.topic.as_str().as_bytes()) ^ number
    }

    /// Names the shard, and the lane within it. Keyed: user ids are chosen by others.
    fn lane_hash(&mut self, partition: u64, key: Option<&[u8]>) -> u64 {
        match (self.order, key) {
            (Order::ByPartition, _) => partition,
            (Order::ByKey, Some(key)) => partition ^ self.lane_hash.of(key),
            (Order::ByKey, None) | (Order::None, _) => {
                self.unkeyed = self.unkeyed.wrapping_add(1);
                self.unkeyed
            }
        }
    }

    fn settled(&mut self, settled: &mut Settled, actions: &mut Actions) {
        self.records = self.records.saturating_sub(settled.finished.len() + settled.given_up.len());
        self.bytes = self.bytes.saturating_sub(std::mem::take(&mut settled.bytes));
        if !self.slots.take_back(&settled.finished) {
            // Finished while the partition was taken away: another may have it already.
            let ours = |token: &AckToken| self.slots.holds(*token);
            actions.given_up.extend(settled.finished.extract_if(.., |token| !ours(token)));
        }
        self.commits.moved(settled.finished.len());
        append(&mut actions.finished, &mut settled.finished);
        self.slots.take_back(&settled.given_up);
        actions.given_up.append(&mut settled.given_up);
        append(&mut self.spare, &mut settled.emptied);
    }

    fn receive_failed(&mut self, error: Error, now: Instant, actions: &mut Actions) {
        if !matches!(error.fault(), Fault::Transient { .. }) {
            self.receives.end();
            return self.break_off(error, now, actions);
        }
        if self.receives.failed(now) == 1 {
            actions.events.push(PipelineEvent::ReceiveFailed(error));
        }
    }

    fn committed(&mut self, result: Result<(), Error>, now: Instant, actions: &mut Actions) {
        match result {
            Ok(()) => {
                if let Some(failures) = self.commits.succeeded(now) {
                    actions.events.push(PipelineEvent::CommitRecovered { failures });
                }
            }
            Err(error) if error.fault() == Fault::Fatal => {
                self.commits.abandoned();
                self.break_off(error, now, actions);
            }
            Err(error) => {
                if self.commits.failed(now) {
                    actions.events.push(PipelineEvent::CommitFailed(error));
                }
            }
        }
    }

    fn pause(&mut self, pause: bool, actions: &mut Actions) {
        if std::mem::replace(&mut self.paused, pause) != pause {
            actions.tell_all(if pause { ToShard::Pause } else { ToShard::Resume });
        }
    }

    fn break_off(&mut self, error: Error, now: Instant, actions: &mut Actions) {
        self.fatal.get_or_insert(error);
        self.shut_down(now, actions);
    }

    fn shut_down(&mut self, now: Instant, actions: &mut Actions) {
        if matches!(self.phase, Phase::Running | Phase::Ended) {
            self.phase = Phase::Draining { until: now + self.drain };
            actions.tell_all(ToShard::Stop(None));
        }
    }

    fn cut_overdue(&mut self, now: Instant, actions: &mut Actions) {
        let slots = self.slots.cut(now);
        if !slots.is_empty() {
            actions.events.push(PipelineEvent::CutOff { partitions: slots.len() });
        }
        for slot in slots {
            actions.tell_all(ToShard::Cut(Some(slot)));
        }
    }

    /// Moves from phase to phase, and commits when it is time.
    fn advance(&mut self, now: Instant, actions: &mut Actions) {
        self.receives.resume(now);
        match self.phase {
            Phase::Ended | Phase::Draining { .. } | Phase::Cutting { .. } if self.records == 0 => {
                self.phase = Phase::Committing { until: now + self.drain };
            }
            Phase::Draining { until } if until <= now => {
                actions.tell_all(ToShard::Cut(None));
                self.phase = Phase::Cutting { until: now + self.drain };
            }
            Phase::Cutting { until } if until <= now => {
                let error =
                    Error::unknown("drain").because("a handler blocks its thread, or a worker is gone");
                self.fatal.get_or_insert(error);
                self.phase = Phase::Committing { until: now + self.drain };
            }
            _ => {}
        }
        let last = matches!(self.phase, Phase::Committing { .. });
        actions.commit |= self.commits.start(now, last);
        if let Phase::Committing { until } = self.phase {
            self.conclude(until <= now);
        }
    }

    fn conclude(&mut self, overdue: bool) {
        if self.commits.is_clean() {
            self.phase = Phase::Done;
        } else if overdue {
            let error =
                Error::unknown("commit before the stop").because("not durable by the end of the drain");
            self.fatal.get_or_insert(error);
            self.phase = Phase::Done;
        }
    }
}

/// As `Vec::append`, and without a copy where nothing is there yet.
fn append<T>(into: &mut Vec<T>, from: &mut Vec<T>) {
    if into.is_empty() {
        std::mem::swap(into, from);
    } else {
        into.append(from);
    }
}

/// Doubling from 0.1 s to 5 s.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(100)
        .saturating_mul(1 << failures.saturating_sub(1).min(8))
        .min(Duration::from_secs(5))
}

#[cfg(test)]
mod tests;
