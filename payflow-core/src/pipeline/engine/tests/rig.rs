//! Drives engine and shards as driver and workers do, and checks their promises at each step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::*;
use crate::consumer::AckToken;
use crate::pipeline::lanes::{Class, EntryId};
use crate::pipeline::shard::{Failure, Outcome, Shard, Work};
use crate::pipeline::storm::{Destination, StormWatch};
use crate::record::{Content, Headers, Topic};

pub(super) struct Rig {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) finished: usize,
    pub(super) given_up: usize,
    pub(super) commits_started: usize,
    pub(super) notices: Vec<PipelineEvent>,
    config: PipelineConfig,
    shards: Vec<Shard>,
    /// Whether some handlers are ready at once, and some of those panic.
    pub(super) some_end_at_once: bool,
    /// By shard: what was not sorted into lanes yet.
    letters: Vec<VecDeque<Routed>>,
    actions: Actions,
    running: Vec<Running>,
    seats: usize,
    /// Tokens handed over and not yet back.
    out: BTreeSet<AckToken>,
    /// Tokens whose handler, or dead letter, succeeded.
    done: BTreeSet<AckToken>,
    generations: BTreeMap<u32, (u32, bool)>,
    offsets: i64,
    /// Per lane, the offset handled last: starts never go back behind it.
    last_started: BTreeMap<(u32, u32, Option<Vec<u8>>), i64>,
    commit_runs: bool,
    outcome: Option<Result<(), Error>>,
}

struct Running {
    shard: usize,
    id: EntryId,
    seat: usize,
    class: Class,
    dead_letter: bool,
    delivery: Arc<Delivery>,
}

impl Rig {
    pub(super) fn new(config: PipelineConfig) -> Self {
        let config = config.with_shards(3).with_seed(1);
        let now = Instant::now();
        let storms = StormWatch::new(config.storm.clone());
        storms.destination("handler");
        let shard = |number: u32| Shard::new(&config, storms.of_shard(number), number.into());
        Self {
            engine: Engine::new(&config, (1, 2), now),
            now,
            finished: 0,
            given_up: 0,
            commits_started: 0,
            notices: Vec::new(),
            shards: (0..3).map(shard).collect(),
            letters: (0..3).map(|_| VecDeque::new()).collect(),
            some_end_at_once: false,
            actions: Actions::new(3),
            config,
            running: Vec::new(),
            seats: 0,
            out: BTreeSet::new(),
            done: BTreeSet::new(),
            generations: BTreeMap::new(),
            offsets: 0,
            last_started: BTreeMap::new(),
            commit_runs: false,
            outcome: None,
        }
    }

    pub(super) fn on(&mut self, event: Event<'_>) {
        self.engine.on(event, self.now, &mut self.actions);
        self.carry_out();
    }

    pub(super) fn assign(&mut self, slot: u32) {
        let (generation, held) = self.generations.entry(slot).or_insert((0, false));
        *generation += 1;
        *held = true;
        let changes = vec![Change::Assigned(vec![assignment(slot, *generation)])];
        self.on(Event::Received(&mut Inbound { changes, ..Inbound::default() }));
    }

    pub(super) fn revoke(&mut self, slot: u32, within: Duration) {
        let Some((generation, true)) = self.generations.get(&slot).copied() else {
            return;
        };
        self.generations.insert(slot, (generation, false));
        let revoking =
            Change::Revoking { assignments: vec![assignment(slot, generation)], until: self.now + within };
        self.on(Event::Received(&mut Inbound { changes: vec![revoking], ..Inbound::default() }));
    }

    pub(super) fn lose(&mut self, slot: u32) {
        let Some((generation, _)) = self.generations.get(&slot).copied() else {
            return;
        };
        self.generations.insert(slot, (generation, false));
        let changes = vec![Change::Lost(vec![assignment(slot, generation)])];
        self.on(Event::Received(&mut Inbound { changes, ..Inbound::default() }));
    }

    /// Hands over what fits the room, as a consumer does.
    pub(super) fn receive(&mut self, slot: u32, keys: &[&str]) {
        let Some((generation, true)) = self.generations.get(&slot).copied() else {
            return;
        };
        let room = self.engine.room();
        let mut inbound = Inbound::default();
        let mut bytes = 0;
        for key in keys {
            let delivery = self.delivery(slot, generation, key);
            if !room.fits(inbound.deliveries.len(), bytes, delivery.size_bytes()) {
                break;
            }
            bytes += delivery.size_bytes();
            self.out.insert(delivery.token);
            inbound.deliveries.push(delivery);
        }
        self.on(Event::Received(&mut inbound));
        assert!(self.engine.records() <= self.config.records_max);
        assert!(self.engine.bytes() <= self.config.bytes_max || self.engine.records() == 1);
    }

    pub(super) fn receive_stale(&mut self, slot: u32, key: &str) {
        let (generation, _) = self.generations[&slot];
        let delivery = self.delivery(slot, generation, key);
        self.out.insert(delivery.token);
        self.on(Event::Received(&mut Inbound {
            deliveries: [delivery].into_iter().collect(),
            ..Inbound::default()
        }));
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.now += time;
        let mut vacated = Vec::new();
        for shard in &mut self.shards {
            shard.expire(self.now, &mut vacated);
            shard.unpark(self.now);
        }
        self.running.retain(|running| !vacated.contains(&(running.seat, running.class)));
        self.report_all();
        self.on(Event::Tick);
    }

    pub(super) fn committed(&mut self, result: Result<(), Error>) {
        if std::mem::take(&mut self.commit_runs) {
            self.on(Event::Committed(result));
        }
    }

    pub(super) fn finish_one(&mut self) {
        self.end(0, Outcome::Handled);
    }

    pub(super) fn finish_all(&mut self) {
        while !self.running.is_empty() {
            self.finish_one();
        }
    }

    pub(super) fn fail(&mut self, index: usize, fault: Fault) {
        let stage = if fault == Fault::Permanent { "panic" } else { "handler" };
        self.end(index, failed(fault, stage));
    }

    /// Ends the running work number `index` (modulo) so; a dead letter's publication ends as well or badly as a handler.
    pub(super) fn end(&mut self, index: usize, outcome: Outcome) {
        if self.running.is_empty() {
            return;
        }
        let running = self.running.swap_remove(index % self.running.len());
        let outcome = match (running.dead_letter, outcome) {
            (true, Outcome::Handled) => Outcome::DeadLettered,
            (true, _) => Outcome::NotDeadLettered(Box::new(Error::transient("publish"))),
            (false, outcome) => outcome,
        };
        if matches!(outcome, Outcome::Handled | Outcome::DeadLettered) {
            self.done.insert(running.delivery.token);
        }
        self.shards[running.shard].ended(running.id, outcome, self.now);
        self.report_all();
        self.start();
    }

    /// A worker that has ended its work and not yet told the driver.
    pub(super) fn end_one_unreported(&mut self) -> Settled {
        let running = self.running.swap_remove(0);
        self.done.insert(running.delivery.token);
        self.shards[running.shard].ended(running.id, Outcome::Handled, self.now);
        std::mem::take(self.shards[running.shard].settled())
    }

    pub(super) fn report(&mut self, mut settled: Settled) {
        self.on(Event::Settled(&mut settled));
    }

    pub(super) fn outcome(&mut self) -> Option<Result<(), Error>> {
        self.outcome.take()
    }

    /// Ends the schedule: everything comes back, whatever state it is in.
    pub(super) fn shut_down_and_check(&mut self) {
        self.on(Event::ShutDown);
        for _ in 0..10 {
            self.advance(self.config.drain);
            self.committed(Ok(()));
        }
        assert!(self.out.is_empty(), "tokens never came back: {:?}", self.out);
        assert!(self.running.is_empty());
        assert!(self.shards.iter().all(Shard::is_empty));
        assert_eq!((self.engine.records(), self.engine.bytes()), (0, 0));
        assert!(self.outcome.is_some(), "the pipeline did not end");
    }

    fn delivery(&mut self, slot: u32, generation: u32, key: &str) -> Delivery {
        self.offsets += 1;
        // Now and then enough for the byte bound, and one that is larger than all of it.
        let bytes = if self.offsets % 53 == 0 { 100_000 } else { self.offsets as usize * 997 % 20_000 };
        let key = (key != "-").then_some(key.as_bytes());
        Delivery {
            token: AckToken::new(slot, generation, self.offsets),
            topic: Topic::parse("t").unwrap(),
            partition: slot as i32,
            offset: self.offsets,
            timestamp_ms: None,
            content: Content::new(key, Some(&vec![0; bytes]), &Headers::new()),
        }
    }

    fn report_all(&mut self) {
        for index in 0..self.shards.len() {
            let settled = std::mem::take(self.shards[index].settled());
            if !settled.is_empty() {
                self.report(settled);
            }
        }
    }

    fn carry_out(&mut self) {
        let mut vacated = Vec::new();
        let shards = self.shards.iter_mut().zip(&mut self.letters);
        for ((shard, waiting), parcel) in shards.zip(&mut self.actions.to_shards) {
            if parcel.is_about_earlier() {
                waiting.drain(..).for_each(|routed| shard.deliver(routed, Destination::default(), self.now));
            }
            for order in parcel.orders.drain(..) {
                shard.obey(order, self.now, &mut vacated);
            }
            waiting.extend(parcel.deliveries.drain(..));
        }
        self.running.retain(|running| !vacated.contains(&(running.seat, running.class)));
        for token in std::mem::take(&mut self.actions.finished) {
            assert!(self.out.remove(&token), "{token:?} came back twice");
            assert!(self.done.contains(&token), "{token:?} was acknowledged and never finished");
            self.finished += 1;
        }
        for token in std::mem::take(&mut self.actions.given_up) {
            assert!(self.out.remove(&token), "{token:?} came back twice");
            self.given_up += 1;
        }
        if std::mem::take(&mut self.actions.commit) {
            assert!(!std::mem::replace(&mut self.commit_runs, true), "two commits at once");
            self.commits_started += 1;
        }
        self.notices.append(&mut self.actions.events);
        self.outcome = self.outcome.take().or_else(|| self.engine.outcome());
        let settled = self.shards.iter_mut().any(|shard| !shard.settled().is_empty());
        if settled {
            self.report_all();
        }
        self.start();
    }

    fn start(&mut self) {
        for index in 0..self.shards.len() {
            while self.running.len() < self.config.concurrency {
                let again = self.running.iter().filter(|running| running.class == Class::Again).count();
                let may_again = again < (self.config.concurrency / 2).max(1);
                let shard = &mut self.shards[index];
                let classes = [may_again.then_some(Class::Again), Some(Class::First)];
                let work = classes
                    .into_iter()
                    .flatten()
                    .find_map(|class| Some((class, shard.start(class, self.now)?)));
                if let Some((class, (id, work, delivery))) = work {
                    self.check_start(&work, &delivery);
                    self.shards[index].seated(id, self.seats + 1);
                    self.run(index, id, class, &work, delivery);
                } else if let Some(routed) = self.letters[index].pop_front() {
                    self.start_directly(index, routed);
                } else {
                    break;
                }
            }
        }
        if self.shards.iter_mut().any(|shard| !shard.settled().is_empty()) {
            self.report_all();
        }
    }

    /// What has just come may start without an entry.
    fn start_directly(&mut self, index: usize, routed: Routed) {
        let Some(direct) = self.shards[index].deliver_or_start(routed, Destination::default(), &self.now)
        else {
            return;
        };
        let delivery = Arc::clone(direct.delivery());
        let work = Work::Handle { attempt: 1 };
        self.check_start(&work, &delivery);
        match delivery.offset % 9 {
            0 if self.some_end_at_once => self.shards[index].ended_directly(
                direct,
                failed(Fault::Permanent, "panic"),
                self.now,
                self.now,
            ),
            3 | 6 if self.some_end_at_once => {
                self.done.insert(delivery.token);
                self.shards[index].ended_directly(direct, Outcome::Handled, self.now, self.now);
            }
            _ => {
                let id = self.shards[index].enter(direct, self.seats + 1, self.now);
                self.run(index, id, Class::First, &work, delivery);
            }
        }
    }

    fn run(&mut self, index: usize, id: EntryId, class: Class, work: &Work, delivery: Arc<Delivery>) {
        self.seats += 1;
        self.shards[index].times(self.now);
        self.running.push(Running {
            shard: index,
            id,
            seat: self.seats,
            class,
            dead_letter: matches!(work, Work::DeadLetter(_)),
            delivery,
        });
    }

    fn check_start(&mut self, work: &Work, delivery: &Delivery) {
        assert!(self.out.contains(&delivery.token), "started what had come back");
        let Some(lane) = self.lane(delivery) else { return };
        let runs = self.running.iter().any(|running| self.lane(&running.delivery).as_ref() == Some(&lane));
        assert!(!runs, "two of a lane run at once");
        let last = self.last_started.insert(lane, delivery.offset);
        assert!(last.is_none_or(|last| last <= delivery.offset), "order of a lane broken");
        if let (Work::Handle { attempt: 1 }, Some(last)) = (work, last) {
            assert!(last < delivery.offset, "a first attempt twice in one generation");
        }
    }

    fn lane(&self, delivery: &Delivery) -> Option<(u32, u32, Option<Vec<u8>>)> {
        let (slot, generation) = (delivery.token.slot(), delivery.token.generation());
        match self.config.order {
            Order::ByKey => delivery.key().map(|key| (slot, generation, Some(key.to_vec()))),
            Order::ByPartition => Some((slot, generation, None)),
            Order::None => None,
        }
    }
}

fn assignment(slot: u32, generation: u32) -> Assignment {
    Assignment { slot, generation, topic: Topic::parse("t").unwrap(), partition: slot as i32 }
}

fn failed(fault: Fault, stage: &'static str) -> Outcome {
    Outcome::Failed(Box::new(Failure::new(fault, stage, "no".into())))
}
