//! A consumer process: driver and workers of a real engine and real shards, turn by turn.

use std::time::Duration;

use super::desk::{AtWork, Desk};
use super::faults::Fault;
use super::scene::Scene;
use super::world::Event;
use crate::consumer::{Change, Inbound, RebalanceProtocol, Room};
use crate::error::{self, Error};
use crate::memory::{CommitOnItsWay, MemberId};
use crate::pipeline::{Orders, Process};

/// One life of a process, from its start to its stop or crash.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) process: Process,
    pub(super) desk: Desk,
    commit: Commit,
    inbound: Inbound,
    orders: Orders,
    stop: Stop,
    paused: bool,
    storm: bool,
    /// Its operator wants it to be paused.
    pub(super) asks_pause: bool,
    /// No turn of the driver, or of anything, before then.
    pub(super) driver_held_until: Duration,
    pub(super) held_until: Duration,
    pub(super) unaware_until: Duration,
    /// And has not been told so yet.
    pub(super) expelled: bool,
    driver_at: Option<Duration>,
    worker_at: Vec<Option<Duration>>,
    /// When the cluster is to be asked again in any case.
    ask_at: Duration,
}

#[derive(Debug)]
enum Commit {
    None,
    Runs,
    Answered(Result<(), Error>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    Asked,
    Told,
}

/// How a commit fares on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fare {
    Arrives,
    Fails,
    UnknownApplied,
    UnknownLost,
}

impl Node {
    pub(super) fn new(number: usize, life: u32, member: MemberId, scene: &mut Scene) -> Self {
        let process = Process::new(&scene.plan.pipeline, scene.dice.seed(), scene.instant());
        Self {
            worker_at: vec![None; process.workers()],
            process,
            desk: Desk::new(number, life, member),
            commit: Commit::None,
            inbound: Inbound::default(),
            orders: Orders::default(),
            stop: Stop::No,
            paused: false,
            storm: false,
            asks_pause: false,
            driver_held_until: Duration::ZERO,
            held_until: Duration::ZERO,
            unaware_until: Duration::ZERO,
            expelled: false,
            driver_at: None,
            ask_at: Duration::ZERO,
        }
    }

    /// It is to stop cleanly.
    pub(super) fn ask_to_stop(&mut self) {
        if self.stop == Stop::No {
            self.stop = Stop::Asked;
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop != Stop::No
    }

    /// Nothing is held, and no commit runs.
    pub(super) fn is_idle(&self) -> bool {
        self.process.held_records() == 0 && matches!(self.commit, Commit::None)
    }

    /// The driver is to have a turn then, if not sooner.
    pub(super) fn wake_driver(&mut self, at: Duration, scene: &mut Scene) {
        if self.driver_at.is_none_or(|known| at < known) {
            self.driver_at = Some(at);
            scene.queue.push(at, Event::Driver { node: self.desk.node, life: self.desk.life, at });
        }
    }

    pub(super) fn wake_driver_soon(&mut self, scene: &mut Scene) {
        let at = scene.now + scene.dice.millis(0, 3);
        self.wake_driver(at, scene);
    }

    fn wake_worker(&mut self, shard: usize, at: Duration, scene: &mut Scene) {
        if let Some(known) = self.worker_at.get_mut(shard)
            && known.is_none_or(|known| at < known)
        {
            *known = Some(at);
            scene.queue.push(at, Event::Worker { node: self.desk.node, life: self.desk.life, shard, at });
        }
    }

    /// Nothing holds it up any more.
    pub(super) fn let_go_on(&mut self, scene: &mut Scene) {
        self.held_until = self.held_until.min(scene.now);
        self.driver_held_until = self.driver_held_until.min(scene.now);
        self.wake_driver_soon(scene);
        for shard in 0..self.worker_at.len() {
            self.wake_worker(shard, scene.now, scene);
        }
    }

    /// Running work is over.
    pub(super) fn work_ends(&mut self, shard: usize, seat: usize, scene: &mut Scene) {
        if let Some(ending) = self.desk.ending(seat) {
            self.process.end(shard, seat, ending);
            self.wake_woken(scene);
        }
    }

    pub(super) fn commit_answered(&mut self, result: Result<(), Error>, scene: &mut Scene) {
        self.commit = Commit::Answered(result);
        self.wake_driver_soon(scene);
    }

    /// A turn of a worker.
    pub(super) fn worker_turn(&mut self, shard: usize, at: Duration, scene: &mut Scene) {
        match self.worker_at.get_mut(shard) {
            Some(known) if *known == Some(at) => *known = None,
            _ => return,
        }
        if self.held_until > scene.now {
            let until = self.held_until;
            return self.wake_worker(shard, until, scene);
        }
        let now = scene.instant();
        let held = self.was_held_up(scene);
        self.process.work(shard, now, &mut AtWork { scene, desk: &mut self.desk, held });
        if self.process.has_reports() {
            self.wake_driver_soon(scene);
        }
        self.tell_storm(scene);
        self.wake_woken(scene);
        if let Some(wake_at) = self.process.worker_wake_at(shard, now) {
            let at = scene.since_start(wake_at).max(scene.now);
            self.wake_worker(shard, at, scene);
        }
    }

    fn tell_storm(&mut self, scene: &mut Scene) {
        let storm = self.process.has_storm();
        if storm != std::mem::replace(&mut self.storm, storm) {
            scene.hit(if storm { Fault::Storm } else { Fault::StormOver });
            let what = if storm { "begins" } else { "is over" };
            scene.say(format_args!("node {}: a storm {what}", self.desk.node));
        }
    }

    /// A turn of the driver. The outcome, once the process has stopped.
    pub(super) fn driver_turn(&mut self, at: Duration, scene: &mut Scene) -> Option<Result<(), Error>> {
        if self.driver_at != Some(at) {
            return None;
        }
        self.driver_at = None;
        let held = self.driver_held_until.max(self.held_until);
        if held > scene.now {
            self.wake_driver(held, scene);
            return None;
        }
        // Not without end: others have their turns in between.
        let steps = scene.dice.within(1, 4);
        for _ in 0..steps {
            if !self.step(scene) {
                return self.rest(scene);
            }
            self.carry_out(scene);
            self.check_bounds(scene);
            if let Some(outcome) = self.process.outcome() {
                return Some(outcome);
            }
        }
        self.wake_driver_soon(scene);
        None
    }

    /// Takes what happened first, as the driver's biased loop does. False if nothing did.
    fn step(&mut self, scene: &mut Scene) -> bool {
        let now = scene.instant();
        if self.stop == Stop::Asked {
            self.stop = Stop::Told;
            scene.say(format_args!("node {} is asked to stop", self.desk.node));
            self.desk.note_stop(scene.now);
            self.process.shut_down(now);
        } else if self.process.has_reports() {
            self.process.read_reports(now);
        } else if self.asks_pause != self.paused {
            self.paused = self.asks_pause;
            self.desk.note_pause(self.paused, scene.now);
            self.process.pause(self.paused, now);
        } else if let Commit::Answered(_) = self.commit {
            if let Commit::Answered(result) = std::mem::replace(&mut self.commit, Commit::None) {
                self.process.committed(result, now);
            }
        } else if self.process.wake_at().is_some_and(|at| at <= now) {
            self.process.tick(now);
        } else {
            self.ask_at = Duration::MAX;
            return self.process.receives(now) && self.receive(scene);
        }
        true
    }

    fn receive(&mut self, scene: &mut Scene) -> bool {
        let now = scene.instant();
        if let Some(error) = scene.draw_receive_failure() {
            // For as long as it pauses, or drains, it is told nothing.
            let pauses = matches!(error.fault(), error::Fault::Transient { .. });
            self.unaware_until = if pauses { scene.now + Duration::from_secs(5) } else { Duration::MAX };
            self.process.receive_failed(error, now);
            return true;
        }
        let room = self.process.room();
        let room = Room { records: room.records.min(scene.dice.within(1, 40)), ..room };
        if let Some(ask_at) = scene.cluster.receive(self.desk.member, &mut self.inbound, room, now) {
            self.ask_at = ask_at.map_or(Duration::MAX, |at| scene.since_start(at));
            return false;
        }
        for change in &self.inbound.changes {
            self.desk.note_change(change, scene.now);
            if matches!(change, Change::Lost(_)) && !std::mem::take(&mut self.expelled) {
                scene.hit(Fault::SessionExpired);
            }
            tell(self.desk.node, change, scene);
        }
        for delivery in &self.inbound.deliveries {
            self.desk.take(delivery, scene);
        }
        self.process.received(&mut self.inbound, now);
        true
    }

    /// Nothing to do: until when.
    fn rest(&mut self, scene: &mut Scene) -> Option<Result<(), Error>> {
        let wake_at = self.process.wake_at().map_or(Duration::MAX, |at| scene.since_start(at));
        let at = wake_at.min(self.ask_at).max(scene.now);
        if at != Duration::MAX {
            self.wake_driver(at, scene);
        }
        None
    }

    fn carry_out(&mut self, scene: &mut Scene) {
        self.process.take_orders(&mut self.orders);
        let mut orders = std::mem::take(&mut self.orders);
        for token in &orders.finished {
            self.desk.give_back(*token, true, scene);
        }
        for token in &orders.given_up {
            self.desk.give_back(*token, false, scene);
        }
        for notice in orders.notices.drain(..) {
            scene.say(format_args!("node {}: {notice}", self.desk.node));
        }
        if !orders.finished.is_empty() || !orders.given_up.is_empty() {
            let now = scene.instant();
            scene.cluster.acknowledge(self.desk.member, &orders.finished, &orders.given_up, now);
            orders.finished.clear();
            orders.given_up.clear();
        }
        if std::mem::take(&mut orders.commit) {
            self.begin_commit(scene);
        }
        self.orders = orders;
        self.wake_woken(scene);
    }

    fn begin_commit(&mut self, scene: &mut Scene) {
        if !matches!(self.commit, Commit::None) {
            scene.violated(format!("node {}: two commits at once", self.desk.node));
        }
        match scene.cluster.begin_commit(self.desk.member) {
            Ok(commit) => {
                let (fare, latency) = scene.draw_commit_fare();
                self.commit = Commit::Runs;
                let (node, life, member) = (self.desk.node, self.desk.life, self.desk.member);
                scene.after(latency, Event::CommitArrives { node, life, member, commit, fare });
            }
            Err(error) => {
                scene.hit(Fault::CommitRefused);
                self.commit_answered(Err(error), scene);
            }
        }
    }

    fn wake_woken(&mut self, scene: &mut Scene) {
        for shard in self.process.take_woken() {
            let at = scene.now + scene.dice.millis(0, 2);
            self.wake_worker(shard, at, scene);
        }
    }

    fn check_bounds(&self, scene: &mut Scene) {
        let (records, bytes) = (self.desk.out(), self.desk.out_bytes());
        let counted = (self.process.held_records(), self.process.held_bytes());
        if counted != (records, bytes) {
            scene.violated(format!(
                "node {}: {records} records and {bytes} bytes are held, and it counts {counted:?}",
                self.desk.node
            ));
        }
        // A giant is taken alone; what has no bytes may come beside it.
        let giant = bytes > scene.plan.bytes_max && bytes == self.desk.largest_bytes();
        if records > scene.plan.records_max || (bytes > scene.plan.bytes_max && !giant) {
            scene.violated(format!("node {}: {records} records and {bytes} bytes are held", self.desk.node));
        }
    }
}

impl Scene {
    /// A commit arrives, or not: what its sender is told.
    pub(super) fn end_commit(
        &mut self,
        member: MemberId,
        commit: &CommitOnItsWay,
        fare: Fare,
    ) -> Result<(), Error> {
        let now = self.instant();
        match fare {
            Fare::Arrives => {
                let ended = self.cluster.end_commit(member, commit, now);
                if ended.is_err() {
                    self.hit(Fault::CommitRefused);
                }
                ended
            }
            Fare::Fails => Err(Error::transient("commit")),
            Fare::UnknownLost => Err(Error::unknown("commit")),
            Fare::UnknownApplied => {
                self.cluster.end_commit_unanswered(member, commit, now);
                Err(Error::unknown("commit"))
            }
        }
    }
}

fn tell(node: usize, change: &Change, scene: &mut Scene) {
    let (what, assignments) = match change {
        Change::Assigned(assignments) => ("is assigned", assignments),
        Change::Revoking { assignments, .. } => {
            let eager = scene.plan.protocol == RebalanceProtocol::Eager;
            scene.hit(if eager { Fault::EagerRebalance } else { Fault::CooperativeRebalance });
            ("is asked for", assignments)
        }
        Change::Lost(assignments) => ("has lost", assignments),
    };
    let partitions: Vec<_> = assignments.iter().map(|assignment| assignment.partition).collect();
    scene.say(format_args!("node {node} {what} partitions {partitions:?}"));
}
