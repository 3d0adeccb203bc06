//! The loop: takes the next event, lets one part do its turn, and looks at what came of it.

use std::time::Duration;

use super::checks::OwnerChanged;
use super::dice::Dice;
use super::faults::Fault;
use super::node::{Fare, Node};
use super::plan::Plan;
use super::producers::Producer;
use super::scene::Scene;
use crate::error::Error;
use crate::memory::{CommitOnItsWay, MemberId, SimulatedCluster};
use crate::record::Topic;

/// What may happen.
#[derive(Debug)]
pub(super) enum Event {
    Driver {
        node: usize,
        life: u32,
        at: Duration,
    },
    Worker {
        node: usize,
        life: u32,
        shard: usize,
        at: Duration,
    },
    WorkEnds {
        node: usize,
        life: u32,
        shard: usize,
        seat: usize,
    },
    CommitArrives {
        node: usize,
        life: u32,
        member: MemberId,
        commit: CommitOnItsWay,
        fare: Fare,
    },
    Produce {
        producer: usize,
    },
    Start {
        node: usize,
    },
    /// The group learns that a member is gone.
    Gone {
        member: MemberId,
    },
    Resume {
        node: usize,
        life: u32,
    },
    Trouble,
    RepairDownstream,
    RepairDeadTopic,
    /// Faults are over.
    Quiet,
    /// Is everything done?
    Look,
}

/// A run.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) nodes: Vec<Option<Node>>,
    lives: u32,
    producers: Vec<Producer>,
    pub(super) steps: u64,
    changes: Vec<OwnerChanged>,
    /// Everything is done; the processes are asked to stop.
    ending: bool,
}

/// After the faults, everything is done within this time. Retries, timeouts and pauses all fit into it many times.
const DONE_WITHIN: Duration = Duration::from_secs(90 * 60);

/// A run that goes on for more events than this goes round in circles.
const STEPS_MAX: u64 = 2_000_000;

impl World {
    pub(super) fn new(seed: u64, traced: bool) -> Result<Self, Error> {
        let mut dice = Dice::seeded(seed);
        let plan = Plan::new(&mut dice);
        let topic =
            Topic::parse("payments").map_err(|error| Error::permanent("name topic").because(error))?;
        let cluster = SimulatedCluster::new(plan.cluster(), topic.clone(), plan.partitions)?;
        let share = plan.payments / plan.producers + 1;
        let producers =
            (0..plan.producers).map(|number| Producer::new(number, topic.clone(), share)).collect();
        let nodes = std::iter::repeat_with(|| None).take(plan.nodes).collect();
        let scene = Scene::new(dice, plan, cluster, traced);
        Ok(Self { scene, nodes, lives: 0, producers, steps: 0, changes: Vec::new(), ending: false })
    }

    /// Runs to the end, or to the first promise that is broken.
    pub(super) fn run(&mut self) {
        self.begin();
        while let Some((at, event)) = self.scene.queue.pop() {
            self.steps += 1;
            self.scene.now = self.scene.now.max(at);
            self.scene.cluster.advance(self.scene.instant());
            self.observe();
            self.happen(event);
            self.observe();
            if self.scene.checks.is_violated() {
                return;
            }
            if self.ending && self.nodes.iter().all(Option::is_none) {
                return self.scene.check_end();
            }
            if self.steps >= STEPS_MAX {
                return self.scene.violated(format!("no end after {STEPS_MAX} events"));
            }
        }
        self.scene.violated("nothing happens any more, and not everything is done".into());
    }

    fn begin(&mut self) {
        let scene = &mut self.scene;
        scene.checks.troubled = scene.plan.trouble_every.is_some();
        let plan = format!("{:?}", scene.plan);
        scene.say(format_args!("{plan}"));
        scene.open_logs();
        let backlog = scene.plan.backlog / scene.plan.producers;
        for (number, producer) in self.producers.iter_mut().enumerate() {
            producer.send_backlog(scene, backlog);
            scene.after(Duration::ZERO, Event::Produce { producer: number });
        }
        for node in 0..scene.plan.nodes {
            let delay = if node == 0 { Duration::ZERO } else { scene.dice.millis(0, 20_000) };
            if node > 0 {
                scene.hit(Fault::Join);
            }
            scene.after(delay, Event::Start { node });
        }
        if scene.checks.troubled {
            scene.after(Duration::ZERO, Event::Trouble);
        }
        let faulty_for = scene.plan.faulty_for;
        scene.after(faulty_for, Event::Quiet);
    }

    fn happen(&mut self, event: Event) {
        let scene = &mut self.scene;
        match event {
            Event::Driver { node, life, at } => {
                let alive = alive(&mut self.nodes, node, life);
                let outcome = alive.and_then(|node| node.driver_turn(at, scene));
                if let Some(outcome) = outcome {
                    self.stopped(node, outcome);
                }
            }
            Event::Worker { node, life, shard, at } => {
                if let Some(node) = alive(&mut self.nodes, node, life) {
                    node.worker_turn(shard, at, scene);
                }
            }
            Event::WorkEnds { node, life, shard, seat } => {
                if let Some(node) = alive(&mut self.nodes, node, life) {
                    node.work_ends(shard, seat, scene);
                }
            }
            Event::CommitArrives { node, life, member, commit, fare } => {
                let result = scene.end_commit(member, &commit, fare);
                if let Some(node) = alive(&mut self.nodes, node, life) {
                    node.commit_answered(result, scene);
                }
            }
            Event::Produce { producer } => {
                if let Some(producer) = self.producers.get_mut(producer) {
                    producer.turn(scene);
                }
            }
            Event::Start { node } => self.start(node),
            Event::Gone { member } => scene.cluster.leave(member, scene.instant()),
            Event::Resume { node, life } => {
                if let Some(node) = alive(&mut self.nodes, node, life) {
                    node.asks_pause = false;
                    node.wake_driver_soon(scene);
                }
            }
            Event::Trouble => self.trouble(),
            Event::RepairDownstream => scene.repair_downstream(),
            Event::RepairDeadTopic => scene.repair_dead_topic(),
            Event::Quiet => self.quiet(),
            Event::Look => self.look(),
        }
    }

    pub(super) fn start(&mut self, number: usize) {
        let scene = &mut self.scene;
        let Some(place) = self.nodes.get_mut(number).filter(|place| place.is_none() && !self.ending) else {
            return;
        };
        let now = scene.instant();
        match scene.cluster.join(now) {
            Ok(member) => {
                self.lives += 1;
                scene.say(format_args!("node {number} starts"));
                scene.await_the_gone();
                let node = place.insert(Node::new(number, self.lives, member, scene));
                node.wake_driver_soon(scene);
            }
            Err(error) => scene.violated(format!("node {number} cannot join: {error}")),
        }
    }

    /// A process has ended by itself.
    fn stopped(&mut self, number: usize, outcome: Result<(), Error>) {
        let Some(node) = self.nodes.get_mut(number).and_then(Option::take) else {
            return;
        };
        let scene = &mut self.scene;
        let how = outcome.as_ref().map_or_else(Error::chain, |()| "all is done".into());
        scene.say(format_args!("node {number} has stopped: {how}"));
        // It gives up on workers that have no turn for as long as it drains; those of a process held up have none.
        let gave_up = outcome.is_err() && node.was_slow(scene);
        if (node.desk.out() > 0 || node.desk.running() > 0) && !gave_up {
            let out = node.desk.out();
            scene.violated(format!("node {number} has stopped with {out} tokens out"));
        }
        for partition in 0..scene.partitions as i32 {
            let owned = scene.cluster.owner(partition).is_some_and(|(owner, _, _)| owner == node.desk.member);
            if let Some(id) = scene.not_durable(partition).first().filter(|_| owned && outcome.is_ok()) {
                let offset = scene.ledger.get(*id).offset;
                scene.violated(format!(
                    "node {number} has stopped cleanly, and {partition}@{offset} was finished and is not committed"
                ));
            }
        }
        scene.cluster.leave(node.desk.member, scene.instant());
        let back = scene.dice.millis(10, 10_000);
        if !self.ending {
            scene.hit(Fault::Restart);
            scene.after(back, Event::Start { node: number });
        }
    }

    /// Everybody who may wait for the cluster looks; what changed hands is checked.
    fn observe(&mut self) {
        if !self.scene.cluster.take_touched() {
            return;
        }
        for node in self.nodes.iter_mut().flatten() {
            node.wake_driver_soon(&mut self.scene);
        }
        self.scene.observe(&mut self.changes);
        for change in std::mem::take(&mut self.changes) {
            self.check_hand_over(change);
        }
    }

    fn check_hand_over(&mut self, OwnerChanged { partition, before }: OwnerChanged) {
        let Some(member) = before else { return };
        let scene = &mut self.scene;
        let node = self.nodes.iter().flatten().find(|node| node.desk.member == member);
        if let Some(node) = node
            && scene.cluster.has_joined(member)
            && !node.was_held_up(scene)
        {
            let number = node.desk.node;
            if let Some(offset) = node.desk.runs_in(partition, scene) {
                scene.violated(format!(
                    "node {number} let partition {partition} go while @{offset} was handled"
                ));
            }
            if let Some(id) = scene.not_durable(partition).first() {
                let offset = scene.ledger.get(*id).offset;
                scene.violated(format!(
                    "node {number} let partition {partition} go, and @{offset} was finished and is not committed"
                ));
            }
        }
        scene.excuse_repeats(partition);
    }

    fn look(&mut self) {
        let idle = self.nodes.iter().flatten().all(Node::is_idle);
        let sent = self.producers.iter().all(Producer::is_done);
        let scene = &mut self.scene;
        if idle && sent && scene.open_records() == 0 {
            scene.say(format_args!("everything is done: the processes are asked to stop"));
            self.ending = true;
            for node in self.nodes.iter_mut().flatten() {
                node.ask_to_stop();
                node.wake_driver_soon(scene);
            }
            return;
        }
        if scene.now > scene.plan.faulty_for + DONE_WITHIN {
            let open = scene.open_records();
            return scene.violated(format!("{open} records are not done long after the last fault"));
        }
        scene.after(Duration::from_millis(500), Event::Look);
    }
}

fn alive(nodes: &mut [Option<Node>], number: usize, life: u32) -> Option<&mut Node> {
    nodes.get_mut(number)?.as_mut().filter(|node| node.desk.life == life)
}
