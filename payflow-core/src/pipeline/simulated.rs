//! Engine and shards as driver and workers carry them out, one turn at a time: the caller says whose turn it is.

mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::config::PipelineConfig;
use super::engine::{Actions, Engine, Event};
use super::events::PipelineEvent;
use super::lanes::Class;
use super::random::Random;
use super::shard::{Settled, Shard};
use super::storm::StormWatch;
use super::turns::Turns;
use crate::consumer::{AckToken, Delivery, Inbound, Room};
use crate::error::{Error, Fault};
use worker::{Permits, Worker};

/// A pipeline without tasks.
#[derive(Debug)]
pub(crate) struct Process {
    engine: Engine,
    workers: Vec<Worker>,
    actions: Actions,
    reports: VecDeque<Settled>,
    storms: StormWatch,
    permits: Permits,
    /// Workers in line for a permit.
    in_line: VecDeque<usize>,
    /// Workers that have something to do.
    woken: Vec<usize>,
    seats: usize,
}

/// Work that is begun in one turn.
const STARTS_PER_TURN: usize = 256;

/// Work that begins.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) shard: usize,
    pub(crate) seat: usize,
    pub(crate) delivery: &'a Delivery,
    pub(crate) task: Task,
    /// It, or its delivery, failed before; it takes one of the permits for that.
    pub(crate) again: bool,
    /// There is a storm at its destination.
    pub(crate) in_storm: bool,
    /// So many first attempts of lanes, this one included, began one after another while something waited that had just come.
    pub(crate) passed_over: usize,
}

/// What kind of work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    Handle { attempt: u32 },
    DeadLetter { stage: &'static str, fault: Fault, attempts: u32 },
}

/// How work ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Handled,
    Skipped,
    Failed { fault: Fault, counts_attempt: bool, stage: &'static str },
    DeadLettered,
    NotDeadLettered(Fault),
}

/// Who runs the work.
pub(crate) trait Hands {
    /// Where a delivery is bound for.
    fn destination(&self, delivery: &Delivery) -> &'static str;
    /// Begins it. `None`: it runs, until [`Process::end`] or [`Hands::dropped`].
    fn perform(&mut self, job: &Job<'_>) -> Option<Ending>;
    /// Running work ended so, and its worker has seen it.
    fn ended(&mut self, seat: usize, ending: Ending);
    /// Running work is dropped: it took longer than an attempt may, or was cut off.
    fn dropped(&mut self, seat: usize, timed_out: bool);
}

/// What the driver is to do at the consumer.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) finished: Vec<AckToken>,
    pub(crate) given_up: Vec<AckToken>,
    pub(crate) commit: bool,
    pub(crate) notices: Vec<String>,
}

impl Process {
    pub(crate) fn new(config: &PipelineConfig, seed: u64, now: Instant) -> Self {
        let mut random = Random::seeded(seed);
        let storms = StormWatch::new(config.storm.clone());
        let worker = |_| Worker {
            shard: Shard::new(config, storms.clone(), random.next()),
            inbox: Vec::new(),
            letters: VecDeque::new(),
            seats: BTreeMap::new(),
            storms: storms.clone(),
            last: Class::First,
            turns: Turns::default(),
            passed_over: 0,
            ended: Vec::new(),
        };
        let workers = (0..config.shards).map(worker).collect();
        Self {
            engine: Engine::new(config, (random.next(), random.next()), now),
            workers,
            actions: Actions::new(config.shards),
            reports: VecDeque::new(),
            storms,
            permits: Permits { all: config.concurrency, again: (config.concurrency / 2).max(1) },
            in_line: VecDeque::new(),
            woken: Vec::new(),
            seats: 0,
        }
    }

    pub(crate) fn room(&self) -> Room {
        self.engine.room()
    }

    pub(crate) fn receives(&self, now: Instant) -> bool {
        self.engine.receives(now)
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.engine.wake_at()
    }

    pub(crate) fn held_records(&self) -> usize {
        self.engine.turn().records
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.engine.turn().bytes
    }

    pub(crate) fn outcome(&mut self) -> Option<Result<(), Error>> {
        self.engine.outcome()
    }

    pub(crate) fn received(&mut self, inbound: &mut Inbound, now: Instant) {
        self.on(Event::Received(inbound), now);
    }

    pub(crate) fn receive_failed(&mut self, error: Error, now: Instant) {
        self.on(Event::ReceiveFailed(error), now);
    }

    pub(crate) fn committed(&mut self, result: Result<(), Error>, now: Instant) {
        self.on(Event::Committed(result), now);
    }

    pub(crate) fn shut_down(&mut self, now: Instant) {
        self.on(Event::ShutDown, now);
    }

    pub(crate) fn pause(&mut self, pause: bool, now: Instant) {
        self.on(Event::Pause(pause), now);
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        self.on(Event::Tick, now);
    }

    pub(crate) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    pub(crate) fn read_reports(&mut self, now: Instant) {
        while let Some(mut settled) = self.reports.pop_front() {
            let broken = settled.broken.take();
            self.on(Event::Settled(&mut settled), now);
            if let Some(error) = broken {
                self.on(Event::Broken(error), now);
            }
        }
    }

    /// What the driver is to do after its turn.
    pub(crate) fn take_orders(&mut self, into: &mut Orders) {
        into.finished.append(&mut self.actions.finished);
        into.given_up.append(&mut self.actions.given_up);
        into.commit |= std::mem::take(&mut self.actions.commit);
        into.notices.extend(self.actions.events.drain(..).map(|notice| told(&notice)));
    }

    /// The workers that have something to do, since it was last asked.
    pub(crate) fn take_woken(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.woken)
    }

    /// How many workers there are.
    pub(crate) const fn workers(&self) -> usize {
        self.workers.len()
    }

    /// When a worker has something to do by itself.
    pub(crate) fn worker_wake_at(&self, index: usize, now: Instant) -> Option<Instant> {
        self.workers.get(index)?.shard.wake_at(now)
    }

    /// Whether a storm is on.
    pub(crate) fn has_storm(&self) -> bool {
        self.storms.is_any_on()
    }

    /// Running work ended. The worker finds it at its next turn, unless it cuts it off first.
    pub(crate) fn end(&mut self, index: usize, seat: usize, ending: Ending) {
        if let Some(worker) = self.workers.get_mut(index)
            && worker.seats.contains_key(&seat)
        {
            worker.ended.push((seat, ending));
            self.woken.push(index);
        }
    }

    /// One turn of a worker.
    pub(crate) fn work(&mut self, index: usize, now: Instant, hands: &mut impl Hands) {
        self.in_line.retain(|waiting| *waiting != index);
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        let mut vacated = Vec::new();
        worker.read_letters(now, &mut vacated, hands);
        let before = self.permits;
        worker.vacate(&mut vacated, false, &mut self.permits, hands);
        for (seat, ending) in std::mem::take(&mut worker.ended) {
            if let Some((id, class)) = worker.seats.remove(&seat) {
                self.permits.release(class);
                hands.ended(seat, ending);
                let outcome = worker.outcome(ending);
                worker.shard.ended(id, outcome, now);
            }
        }
        worker.shard.expire(now, &mut vacated);
        worker.vacate(&mut vacated, true, &mut self.permits, hands);
        worker.shard.unpark(now);
        let freed = self.permits.all > before.all;
        let mut rest = true;
        for _ in 0..STARTS_PER_TURN {
            let Some(wanted) = worker.next_class(&self.permits, now) else {
                rest = false;
                break;
            };
            let Some(class) = wanted else {
                self.in_line.push_back(index);
                rest = false;
                break;
            };
            self.seats += 1;
            if worker.begin(class, index, self.seats, now, hands) {
                self.permits.take(class);
            }
        }
        worker.shard.tell_successes();
        let settled = worker.shard.settled();
        if !settled.is_empty() {
            self.reports.push_back(std::mem::take(settled));
        }
        if rest {
            self.woken.push(index);
        }
        if freed {
            self.woken.extend(self.in_line.iter().filter(|waiting| **waiting != index));
        }
        if worker.shard.take_weather_changed() {
            self.woken.extend(0..self.workers.len());
        }
    }

    fn on(&mut self, event: Event<'_>, now: Instant) {
        self.engine.on(event, now, &mut self.actions);
        let parcels = self.actions.to_shards.iter_mut();
        for (index, (worker, parcel)) in self.workers.iter_mut().zip(parcels).enumerate() {
            if !parcel.is_empty() {
                worker.inbox.push(std::mem::take(parcel));
                self.woken.push(index);
            }
        }
    }
}

fn told(notice: &PipelineEvent) -> String {
    match notice {
        PipelineEvent::ReceiveFailed(error) => format!("receiving fails ({})", error.fault()),
        PipelineEvent::ReceiveRecovered { failures } => {
            format!("receiving works again after {failures} failures")
        }
        PipelineEvent::CommitFailed(error) => format!("commits fail ({})", error.fault()),
        PipelineEvent::CommitRecovered { failures } => {
            format!("commits work again after {failures} failures")
        }
        PipelineEvent::Revoking { partitions } => format!("{partitions} partitions are asked back"),
        PipelineEvent::Lost { partitions } => format!("{partitions} partitions were lost"),
        PipelineEvent::CutOff { partitions } => format!("handlers of {partitions} partitions were cut off"),
        PipelineEvent::StormBegan { .. }
        | PipelineEvent::StormEnded { .. }
        | PipelineEvent::DeadLettered { .. } => {
            format!("{notice:?}")
        }
    }
}
