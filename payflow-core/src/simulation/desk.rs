//! What a process has in hand: each token it was given, what runs, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::faults::Fault;
use super::ledger::{LaneId, RecordId};
use super::scene::Scene;
use super::tried::{Share, Tried};
use super::world::Event;
use crate::consumer::{AckToken, Change, Delivery};
use crate::error;
use crate::memory::MemberId;
use crate::pipeline::{Ending, Hands, Job, Order, Task};

/// The tokens and handlers of one life of a process.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) node: usize,
    pub(super) life: u32,
    pub(super) member: MemberId,
    tokens: BTreeMap<AckToken, Tried>,
    running: BTreeMap<usize, Running>,
    /// By slot and generation: the last offset that was handed over.
    newest: BTreeMap<(u32, u32), i64>,
    /// Slots and generations that were lost, and when the process was told.
    lost: BTreeMap<(u32, u32), Duration>,
    /// The same of those that were asked back.
    asked_back: BTreeMap<(u32, u32), Duration>,
    /// When the process was told to stop.
    stopping_since: Option<Duration>,
    /// When it was told to pause.
    paused_since: Option<Duration>,
    /// The outage that goes on, and of which keys records were set aside for what may pass, in it; of which records, where
    /// order is not by key.
    set_aside: (u32, BTreeSet<Blamed>),
}

/// A key, or a record where order is not by key.
type Blamed = (Option<LaneId>, Option<RecordId>);

/// The workers hear of what the driver was told within this time.
const HEARD_WITHIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Running {
    token: AckToken,
    record: RecordId,
    lane: Option<LaneId>,
    since: Duration,
    publishes: bool,
    again: bool,
    ending: Ending,
}

impl Desk {
    pub(super) const fn new(node: usize, life: u32, member: MemberId) -> Self {
        Self {
            node,
            life,
            member,
            tokens: BTreeMap::new(),
            running: BTreeMap::new(),
            newest: BTreeMap::new(),
            lost: BTreeMap::new(),
            asked_back: BTreeMap::new(),
            stopping_since: None,
            paused_since: None,
            set_aside: (0, BTreeSet::new()),
        }
    }

    /// A delivery was handed over.
    pub(super) fn take(&mut self, delivery: &Delivery, scene: &mut Scene) {
        let (partition, offset) = (delivery.partition, delivery.offset);
        let Some(record) = scene.ledger.id(partition, offset) else {
            return scene.violated(format!("{partition}@{offset} was handed over, and never written"));
        };
        scene.checks.handed_over += 1;
        self.newest.insert((delivery.token.slot(), delivery.token.generation()), offset);
        let bytes = delivery.size_bytes();
        let tried = Tried::new(record, bytes);
        if self.tokens.insert(delivery.token, tried).is_some() {
            scene.violated(format!("node {}: {partition}@{offset} was handed over twice", self.node));
        }
    }

    /// A token comes back.
    pub(super) fn give_back(&mut self, token: AckToken, finished: bool, scene: &mut Scene) {
        match self.tokens.remove(&token) {
            None => scene.violated(format!("node {}: {token:?} came back twice", self.node)),
            Some(tried) if finished && !tried.done => {
                scene.violated(format!("node {}: {token:?} came back as finished, and is not", self.node));
            }
            Some(_) => {}
        }
    }

    /// The process was told of a change.
    pub(super) fn note_change(&mut self, change: &Change, now: Duration) {
        let (told, assignments) = match change {
            Change::Assigned(_) => return,
            Change::Revoking { assignments, .. } => (&mut self.asked_back, assignments),
            Change::Lost(assignments) => (&mut self.lost, assignments),
        };
        told.extend(assignments.iter().map(|assignment| ((assignment.slot, assignment.generation), now)));
    }

    /// The process was told to stop.
    pub(super) const fn note_stop(&mut self, now: Duration) {
        self.stopping_since = Some(now);
    }

    /// The process was told to pause, or to go on.
    pub(super) fn note_pause(&mut self, pauses: bool, now: Duration) {
        self.paused_since = pauses.then_some(now);
    }

    /// Whether work of this token should have been cut off long ago.
    fn is_long_lost(&self, token: AckToken, now: Duration) -> bool {
        let told = self.lost.get(&(token.slot(), token.generation()));
        told.is_some_and(|told| *told + HEARD_WITHIN < now)
    }

    /// Whether nothing of this token should begin any more.
    fn begins_no_more(&self, token: AckToken, now: Duration) -> bool {
        let told = self.asked_back.get(&(token.slot(), token.generation())).copied();
        let told = told.into_iter().chain(self.stopping_since).chain(self.paused_since).min();
        self.is_long_lost(token, now) || told.is_some_and(|told| told + HEARD_WITHIN < now)
    }

    /// Tokens that are not back.
    pub(super) fn out(&self) -> usize {
        self.tokens.len()
    }

    /// The bytes of the deliveries whose tokens are not back.
    pub(super) fn out_bytes(&self) -> usize {
        self.tokens.values().map(|tried| tried.bytes).sum()
    }

    /// An earlier record of its lane that this process was handed too, under the same assignment, and that is not done. Whatever
    /// became of it elsewhere, it comes first here.
    fn passed_over(&self, token: AckToken, lane: Option<LaneId>, scene: &Scene) -> Option<i64> {
        let first = AckToken::new(token.slot(), token.generation(), i64::MIN);
        let waits = |tried: &&Tried| !tried.done && scene.ledger.get(tried.record).lane == lane;
        let earlier = self.tokens.range(first..token).map(|(_, tried)| tried).find(waits);
        lane.and(earlier).map(|tried| scene.ledger.get(tried.record).offset)
    }

    /// The bytes of the largest delivery in hand.
    pub(super) fn largest_bytes(&self) -> usize {
        self.tokens.values().map(|tried| tried.bytes).max().unwrap_or(0)
    }

    /// What the lane holds whose head is that delivery.
    fn share_of(&self, lane: Option<LaneId>, head: &Delivery, scene: &Scene) -> Share {
        let of_lane = self.tokens.values().filter(|tried| scene.ledger.get(tried.record).lane == lane);
        let (records, bytes) =
            of_lane.fold((0, 0), |(records, bytes), tried| (records + 1, bytes + tried.bytes));
        let newest = self.newest.get(&(head.token.slot(), head.token.generation()));
        Share { records, bytes, age: newest.map_or(0, |newest| newest - head.offset) }
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// How running work is to end.
    pub(super) fn ending(&self, seat: usize) -> Option<Ending> {
        self.running.get(&seat).map(|running| running.ending)
    }

    /// The first record of a partition whose handler runs.
    pub(super) fn runs_in(&self, partition: i32, scene: &Scene) -> Option<i64> {
        let records = self.running.values().map(|running| scene.ledger.get(running.record));
        records.filter(|entry| entry.partition == partition).map(|entry| entry.offset).min()
    }
}

/// A process at work.
pub(super) struct AtWork<'a> {
    pub(super) scene: &'a mut Scene,
    pub(super) desk: &'a mut Desk,
    /// The process was held up of late, so that its workers are behind.
    pub(super) held: bool,
}

impl Hands for AtWork<'_> {
    fn destination(&self, delivery: &Delivery) -> &'static str {
        self.scene.destination_of(delivery.offset)
    }

    fn perform(&mut self, job: &Job<'_>) -> Option<Ending> {
        let (desk, scene) = (&mut *self.desk, &mut *self.scene);
        let (node, token) = (desk.node, job.delivery.token);
        let (partition, offset) = (job.delivery.partition, job.delivery.offset);
        if desk.begins_no_more(token, scene.now) && !self.held {
            scene.violated(format!("node {node}: {partition}@{offset} begins after it was told to stop"));
        }
        let Some(tried) = desk.tokens.get_mut(&token) else {
            scene.violated(format!("node {node}: {partition}@{offset} begins after its token came back"));
            return Some(Ending::Handled);
        };
        let entry = scene.ledger.get(tried.record);
        let (lane, fate, record) = (entry.lane, entry.fate, tried.record);
        let same_lane = |running: &&Running| running.lane == lane && lane.is_some();
        if let Some(other) = desk.running.values().find(same_lane) {
            let other = scene.ledger.get(other.record).offset;
            scene.violated(format!("node {node}: {partition}@{offset} runs beside @{other} of its lane"));
        }
        if desk.running.len() >= scene.plan.concurrency {
            scene.violated(format!("node {node}: more handlers run than the concurrency"));
        }
        if job.passed_over > 1 {
            scene.violated(format!("node {node}: what has just come has no turn beside lanes that wait"));
        }
        let again = desk.running.values().filter(|running| running.again).count();
        if job.again && again >= (scene.plan.concurrency / 2).max(1) {
            scene.violated(format!("node {node}: retries take more than half of the concurrency"));
        }
        if let Some(earlier) = desk.passed_over(token, lane, scene) {
            scene.violated(format!(
                "node {node}: {partition}@{offset} begins before @{earlier} of its lane, which it was handed before"
            ));
        }
        let share =
            matches!(job.task, Task::DeadLetter { .. }).then(|| desk.share_of(lane, job.delivery, scene));
        let Some(tried) = desk.tokens.get_mut(&token) else { return Some(Ending::Handled) };
        let attempt = match job.task {
            Task::Handle { attempt } => {
                if let Err(why) = tried.check_attempt(attempt, &scene.plan) {
                    scene.violated(format!("node {node}: {partition}@{offset} attempt {attempt} {why}"));
                }
                if tried.calls == 0 {
                    let owned = scene.cluster.owns(desk.member, token);
                    scene.check_begin(record, owned);
                }
                tried.attempt = attempt;
                tried.probed = job.in_storm;
                tried.calls += 1;
                scene.say(format_args!("node {node} handles {partition}@{offset}, attempt {attempt}"));
                scene.attempt(fate, tried.calls - 1)
            }
            Task::DeadLetter { stage, fault, attempts } => {
                scene.say(format_args!("node {node} dead-letters {partition}@{offset}: {stage}, {fault}"));
                let verdict = tried.check_verdict(stage, fault, attempts, &scene.plan, share);
                if let Err(why) = verdict {
                    scene.violated(format!("node {node}: {partition}@{offset} is dead-lettered, and {why}"));
                }
                if stage == "lane full" {
                    let old = share.is_some_and(|share| share.is_old());
                    scene.hit(if old { Fault::LaneOld } else { Fault::LaneFull });
                }
                if tried.blames_destination() && !tried.published && (tried.probed || job.in_storm) {
                    scene.violated(format!("node {node}: {partition}@{offset} is set aside in a storm"));
                }
                if tried.blames_destination()
                    && let Some(outage) = scene.outage()
                {
                    if desk.set_aside.0 != outage {
                        desk.set_aside = (outage, BTreeSet::new());
                    }
                    if !tried.published {
                        let key = scene.ledger.get(record).lane.filter(|_| scene.plan.order == Order::ByKey);
                        desk.set_aside.1.insert((key, key.is_none().then_some(record)));
                    }
                    scene.check_set_aside(node, desk.set_aside.1.len());
                }
                tried.published = true;
                let publication = scene.publish_dead_letter();
                scene.ledger.get_mut(record).dead_letters += u32::from(publication.written);
                publication.ending
            }
        };
        let publishes = matches!(job.task, Task::DeadLetter { .. });
        let (ends_at, ending) =
            attempt.map_or((None, Ending::Handled), |(time, ending)| (Some(time), ending));
        if ends_at.is_some_and(|time| time.is_zero()) {
            self.note(token, ending);
            return Some(ending);
        }
        let (shard, seat, life) = (job.shard, job.seat, desk.life);
        if let Some(time) = ends_at {
            scene.after(time, Event::WorkEnds { node, life, shard, seat });
        }
        let since = scene.now;
        desk.running
            .insert(seat, Running { token, record, lane, since, publishes, again: job.again, ending });
        None
    }

    fn ended(&mut self, seat: usize, ending: Ending) {
        match self.desk.running.remove(&seat) {
            Some(running) => self.note(running.token, ending),
            None => self.scene.violated(format!("node {}: work ended that did not run", self.desk.node)),
        }
    }

    fn dropped(&mut self, seat: usize, timed_out: bool) {
        let Some(running) = self.desk.running.remove(&seat) else {
            return self.scene.violated(format!("node {}: work dropped that did not run", self.desk.node));
        };
        let entry = self.scene.ledger.get(running.record);
        let (node, partition, offset) = (self.desk.node, entry.partition, entry.offset);
        if !timed_out {
            self.scene.hit(Fault::HandlerCutOff);
            return self.scene.say(format_args!("node {node}: {partition}@{offset} is cut off"));
        }
        self.scene.say(format_args!("node {node}: {partition}@{offset} times out"));
        if running.since + self.scene.plan.handler_timeout > self.scene.now {
            self.scene.violated(format!("node {node}: {partition}@{offset} times out before its time"));
        }
        let ending = if running.publishes {
            Ending::NotDeadLettered(error::Fault::Unknown)
        } else {
            self.scene.hit(Fault::HandlerTimeout);
            Ending::Failed { fault: error::Fault::Unknown, counts_attempt: true, stage: "timeout" }
        };
        self.note(running.token, ending);
    }
}

impl AtWork<'_> {
    /// Work of a delivery ended so.
    fn note(&mut self, token: AckToken, ending: Ending) {
        let long_lost = self.desk.is_long_lost(token, self.scene.now) && !self.held;
        let Some(tried) = self.desk.tokens.get_mut(&token) else {
            return self
                .scene
                .violated(format!("node {}: {token:?} ended after it came back", self.desk.node));
        };
        match ending {
            Ending::Handled | Ending::Skipped | Ending::DeadLettered => {
                tried.done = true;
                if long_lost {
                    let node = self.desk.node;
                    self.scene.violated(format!(
                        "node {node}: {token:?} was handled after it was told of its loss"
                    ));
                }
                let owned = self.scene.cluster.owns(self.desk.member, token);
                self.scene.note_finished(tried.record, owned);
            }
            Ending::Failed { fault, stage, counts_attempt } => {
                tried.unknown |= fault == error::Fault::Unknown;
                tried.failed = Some((fault, stage));
                tried.counts = counts_attempt;
            }
            Ending::NotDeadLettered(_) => {}
        }
        let entry = self.scene.ledger.get(tried.record);
        let (node, partition, offset) = (self.desk.node, entry.partition, entry.offset);
        self.scene.say(format_args!("node {node}: {partition}@{offset} ends: {ending:?}"));
    }
}
