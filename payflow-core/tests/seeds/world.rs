//! A whole world from one seed: a cluster, producers, members, trouble, and then quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payflow_core::{Fault, MemoryCluster, PipelineState, Producer, Record, StoredRecord, Topic};
use tokio::time::Instant;

use crate::GROUP;
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::member::{Running, Surroundings};
use crate::plan::{Plan, STORM_RUN};
use crate::watched::origin;
use crate::weather::Weather;
use crate::work::{DESTINATIONS, GIANT_BYTES, value};

/// Virtual time after the last fault in which everything is done. Storms, timeouts and retries of hundreds of records
/// one by one may be in it.
const QUIET_MAX: Duration = Duration::from_secs(4 * 3_600);

/// What a seed came to.
pub(crate) struct Outcome {
    pub(crate) trace: Vec<String>,
    /// How often each kind of fault happened.
    pub(crate) hits: BTreeMap<&'static str, u64>,
    pub(crate) violation: Option<String>,
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) around: Surroundings,
    pub(crate) partitions: u32,
    pub(crate) members: Vec<Running>,
    pub(crate) leaving: Vec<Running>,
    pub(crate) started: usize,
    pub(crate) outages: usize,
    /// Things that end by themselves, and when.
    pub(crate) lifted_at: Vec<(Instant, Lift)>,
    sent: usize,
    receipts: Vec<(i32, i64)>,
}

/// The end of something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lift {
    Outage(usize),
    Refusal,
    Pause(usize),
}

/// Runs a seed, in virtual time.
pub(crate) fn run(seed: u64) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut world = World::new(seed);
        world.trouble().await;
        if !world.ledger().write().is_violated() {
            world.quiet().await;
        }
        let (trace, hits, violation) = world.ledger().write().take();
        Outcome { trace, hits, violation }
    })
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::new(&mut dice);
        let cluster = MemoryCluster::with_config(plan.cluster());
        let (topic, dead) = (Topic::parse("payments").unwrap(), Topic::parse("payments.dead").unwrap());
        cluster.create_topic(&topic, plan.partitions).unwrap();
        cluster.create_topic(&dead, 1).unwrap();
        let ledger = Ledger::new(cluster.clone(), topic.clone(), &plan);
        ledger.write().say(format_args!("{plan:?}"));
        let around = Surroundings { cluster, topic, dead, ledger, weather: Weather::default() };
        Self {
            dice,
            partitions: plan.partitions,
            plan,
            around,
            members: Vec::new(),
            leaving: Vec::new(),
            started: 0,
            outages: 0,
            lifted_at: Vec::new(),
            sent: 0,
            receipts: Vec::new(),
        }
    }

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.around.ledger
    }

    async fn trouble(&mut self) {
        let per_step = self.plan.records.div_ceil(self.plan.steps);
        for step in 0..self.plan.steps {
            let records = self.dice.within(0, 2 * per_step);
            self.send(records).await;
            if step == 0 || self.dice.percent(70) {
                self.trouble_step();
            }
            let pause = self.dice.millis(0, 2 * self.plan.step_millis);
            tokio::time::sleep(pause).await;
            self.lift(Instant::now());
            self.look().await;
            if self.ledger().write().is_violated() {
                return;
            }
        }
    }

    /// Sends records of random keys; a send whose outcome is not known is repeated now and then, as clients do.
    async fn send(&mut self, records: usize) {
        let producer = self.around.cluster.producer();
        for _ in 0..records {
            let number = self.sent;
            self.sent += 1;
            let record = Record::new(self.around.topic.clone(), "");
            let mut record = match self.dice.below(20) {
                0 => record,
                1 => record.with_key(""),
                _ => record.with_key(format!("k{}", self.dice.below(self.plan.keys))),
            };
            record.value = value(number, &self.plan, &mut self.dice);
            let repeats = self.dice.percent(50);
            match producer.send(record.clone()).await {
                Ok(receipt) => self.receipts.push((receipt.partition, receipt.offset)),
                Err(error) => {
                    let unknown = error.fault() == Fault::Unknown;
                    self.ledger().write().hit(if unknown { "send unknown" } else { "send refused" });
                    if repeats && let Ok(receipt) = producer.send(record).await {
                        self.receipts.push((receipt.partition, receipt.offset));
                    }
                }
            }
        }
    }

    /// Everything that can be seen now keeps to the bounds.
    async fn look(&mut self) {
        self.ledger().write().check_commits();
        for running in &self.members {
            let snapshot = running.handle.snapshot();
            let (records, bytes) = (snapshot.records, snapshot.bytes);
            if records > self.plan.records_max || bytes > self.plan.bytes_max.max(GIANT_BYTES + 100) {
                self.ledger().write().violated(format!("m{}: {snapshot:?}", running.member));
            }
            if !running.handle.storms().is_empty() {
                self.ledger().write().hit("storm");
            }
            let health = running.handle.health();
            if !health.live && health.state != PipelineState::Ended {
                self.ledger().write().violated(format!("m{} is not live", running.member));
            }
        }
        let (over, on): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.members).into_iter().partition(Running::is_over);
        self.members = on;
        let (left, leaving): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.leaving).into_iter().partition(Running::is_over);
        self.leaving = leaving;
        for running in over.into_iter().chain(left) {
            self.see_off(running).await;
        }
    }

    /// Waits for the end of a run.
    async fn see_off(&self, running: Running) {
        let member = running.member;
        let ended = running.ended().await;
        let mut book = self.ledger().write();
        match ended {
            Some(Ok(())) => {
                book.say(format_args!("m{member} has stopped"));
                book.ended_well(member);
                book.hit("clean stop");
            }
            Some(Err(error)) => {
                book.say(format_args!("m{member} has broken off: {}", error.chain()));
                book.hit("broken off");
            }
            None => book.say(format_args!("m{member} was killed")),
        }
    }

    /// Ends what is due by then.
    fn lift(&mut self, now: Instant) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lifted_at).into_iter().partition(|(at, _)| *at <= now);
        self.lifted_at = later;
        for (_, lift) in due {
            self.ledger().write().say(format_args!("over: {lift:?}"));
            match lift {
                Lift::Outage(destination) => self.around.weather.set_down(destination, false),
                Lift::Refusal => self.around.cluster.refuse_sends(&self.around.dead, None),
                Lift::Pause(member) => self.resume(member),
            }
        }
    }

    fn resume(&mut self, member: usize) {
        if let Some(running) = self.members.iter_mut().find(|running| running.member == member) {
            running.paused = false;
            // Before it is told: it may begin in the same moment.
            self.around.ledger.write().paused(member, false);
            running.handle.resume();
        }
    }

    /// No more faults: one member stays until everything is done.
    async fn quiet(&mut self) {
        self.ledger().write().say("quiet from here on");
        let end_of_all = Instant::now() + 365 * Duration::from_secs(86_400);
        self.lift(end_of_all);
        if self.members.is_empty() {
            self.start();
        }
        for mut running in self.members.split_off(1) {
            running.stop();
            self.leaving.push(running);
        }
        for running in std::mem::take(&mut self.leaving) {
            self.see_off(running).await;
        }
        let quiet_until = Instant::now() + QUIET_MAX;
        loop {
            let (cluster, topic) = (&self.around.cluster, &self.around.topic);
            let running = &self.members[0];
            tokio::select! {
                biased;
                () = cluster.wait_until(|cluster| cluster.lag(GROUP, topic) == 0) => break,
                () = tokio::time::sleep_until(quiet_until) => {
                    let stuck = format!(
                        "after {QUIET_MAX:?} of quiet the lag is {}: {:?}, {:?}, {:?}",
                        cluster.lag(GROUP, topic),
                        running.handle.health(),
                        running.handle.snapshot(),
                        running.handle.oldest_unfinished(),
                    );
                    return self.ledger().write().violated(stuck);
                }
                () = running.over() => {}
            }
            // A fault that was lined up before has broken it off.
            let over = self.members.remove(0);
            self.see_off(over).await;
            self.start();
        }
        // Commits that were to fail have done so by then.
        tokio::time::sleep(Duration::from_secs(120)).await;
        let mut last = self.members.remove(0);
        let member = last.member;
        last.stop();
        match last.ended().await {
            Some(Ok(())) => self.ledger().write().ended_well(member),
            ended => self.ledger().write().violated(format!("the last member broke off: {ended:?}")),
        }
        self.check_end();
    }

    /// Nothing is lost, and an outage is not emptied into the dead letters.
    fn check_end(&self) {
        let (cluster, topic) = (&self.around.cluster, &self.around.topic);
        let mut book = self.ledger().write();
        let written = cluster.records(topic);
        for record in &written {
            if !book.is_finished((record.partition, record.offset)) {
                book.violated(format!("{}@{} was never finished", record.partition, record.offset));
            }
        }
        for (partition, offset) in &self.receipts {
            if !written.iter().any(|record| (record.partition, record.offset) == (*partition, *offset)) {
                book.violated(format!("{partition}@{offset} has a receipt, and is not there"));
            }
        }
        book.check_all_durable();
        let letters = cluster.records(&self.around.dead);
        // Sleeping, yielding and ready records fail only while their destination is down.
        let blameless = letters.iter().filter(|letter| {
            let text = letter.value().and_then(|value| std::str::from_utf8(value).ok());
            text.and_then(|text| text.split(':').nth(1)).is_some_and(|kind| ["i", "s", "y"].contains(&kind))
                && origin(letter.headers()).is_some()
        });
        // Of so many keys; what has no key counts for itself.
        let of = |letter: &StoredRecord| match letter.key() {
            Some(key) => (Some(key.to_vec()), None),
            None => (None, origin(letter.headers())),
        };
        let keys: BTreeSet<_> = blameless.map(of).collect();
        let (blameless, starts) = (keys.len(), self.started + self.outages);
        let bound = starts * DESTINATIONS.len() * (STORM_RUN + self.plan.concurrency);
        if blameless > if self.outages == 0 { 0 } else { bound } {
            book.violated(format!("{blameless} dead letters by {} outages", self.outages));
        }
    }
}
