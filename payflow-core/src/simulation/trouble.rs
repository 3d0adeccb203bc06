//! What goes wrong, and when.

use std::time::Duration;

use super::faults::Fault;
use super::node::{Fare, Node};
use super::scene::Scene;
use super::world::{Event, World};
use crate::consumer::RebalanceProtocol;
use crate::error::Error;

impl World {
    /// One fault, and the time of the next.
    pub(super) fn trouble(&mut self) {
        let Some(every) = self.scene.plan.trouble_every.filter(|_| !self.scene.quiet) else {
            return;
        };
        let pause = self.scene.dice.millis(0, 2 * every.as_millis() as usize);
        self.scene.after(pause, Event::Trouble);
        match self.scene.dice.below(100) {
            0..16 => self.crash(),
            16..28 => self.stop_one(),
            28..36 => self.expel(),
            36..50 => self.hold_up(),
            50..58 => self.break_downstream(),
            58..68 => self.break_dead_topic(),
            68..72 => self.jump(),
            72..80 => self.foreign_metadata(),
            80..84 => self.pause(),
            _ => self.scene.trouble_logs(),
        }
    }

    fn some_node(&mut self) -> Option<usize> {
        let number = self.scene.dice.below(self.nodes.len());
        self.nodes.get(number)?.as_ref().map(|_| number)
    }

    /// The process is gone from one moment to the next; the group learns of it now or later.
    fn crash(&mut self) {
        let Some(number) = self.some_node() else { return };
        let Some(node) = self.nodes.get_mut(number).and_then(Option::take) else {
            return;
        };
        let scene = &mut self.scene;
        let member = node.desk.member;
        let (out, running) = (node.desk.out(), node.desk.running());
        scene.say(format_args!("node {number} crashes with {out} tokens out, {running} handlers running"));
        scene.hit(Fault::Crash);
        if scene.dice.one_in(2) {
            scene.cluster.leave(member, scene.instant());
        } else {
            scene.hit(Fault::CrashUnnoticed);
            let noticed = scene.plan.session_timeout.unwrap_or(Duration::from_secs(10));
            scene.unnoticed_until = scene.unnoticed_until.max(scene.now + noticed);
            scene.after(noticed, Event::Gone { member });
        }
        let back = scene.dice.millis(10, 20_000);
        scene.hit(Fault::Restart);
        scene.after(back, Event::Start { node: number });
    }

    fn stop_one(&mut self) {
        let Some(number) = self.some_node() else { return };
        if let Some(Some(node)) = self.nodes.get_mut(number)
            && !node.is_stopping()
        {
            self.scene.hit(Fault::CleanStop);
            node.ask_to_stop();
            node.wake_driver_soon(&mut self.scene);
        }
    }

    fn expel(&mut self) {
        let Some(number) = self.some_node() else { return };
        let scene = &mut self.scene;
        if let Some(Some(node)) = self.nodes.get_mut(number)
            && scene.cluster.expel(node.desk.member, scene.instant())
        {
            node.expelled = true;
            scene.hit(Fault::Expelled);
            scene.say(format_args!("node {number} is expelled"));
        }
    }

    fn hold_up(&mut self) {
        let Some(number) = self.some_node() else { return };
        let scene = &mut self.scene;
        if let Some(Some(node)) = self.nodes.get_mut(number) {
            let until = scene.now + scene.dice.millis(100, 40_000);
            if scene.dice.one_in(2) {
                scene.hit(Fault::ProcessHeldUp);
                node.held_until = node.held_until.max(until);
                scene.say(format_args!("node {number} is held up until {until:?}"));
            } else {
                scene.hit(Fault::DriverHeldUp);
                node.driver_held_until = node.driver_held_until.max(until);
                scene.say(format_args!("node {number}: its driver is held up until {until:?}"));
            }
        }
    }

    fn break_downstream(&mut self) {
        self.scene.break_downstream();
        let time = self.scene.dice.millis(100, 60_000);
        self.scene.after(time, Event::RepairDownstream);
    }

    fn break_dead_topic(&mut self) {
        self.scene.trouble_dead_topic();
        let time = self.scene.dice.millis(100, 40_000);
        self.scene.after(time, Event::RepairDeadTopic);
    }

    /// An operator holds a pipeline for a while.
    fn pause(&mut self) {
        let Some(number) = self.some_node() else { return };
        let scene = &mut self.scene;
        if let Some(Some(node)) = self.nodes.get_mut(number) {
            scene.hit(Fault::Paused);
            scene.say(format_args!("node {number} is paused"));
            node.asks_pause = true;
            node.wake_driver_soon(scene);
            let (life, time) = (node.desk.life, scene.dice.millis(100, 30_000));
            scene.after(time, Event::Resume { node: number, life });
        }
    }

    /// The machine sleeps: time passes, and nobody sees it pass.
    fn jump(&mut self) {
        let scene = &mut self.scene;
        let time = scene.dice.millis(100, 60_000);
        scene.hit(Fault::TimeJump);
        scene.now += time;
        scene.say(format_args!("time jumps by {time:?}"));
        for node in self.nodes.iter_mut().flatten() {
            node.held_until = node.held_until.max(scene.now);
        }
    }

    /// An operator, or another program, commits for the group.
    fn foreign_metadata(&mut self) {
        let scene = &mut self.scene;
        let partition = scene.dice.below(scene.partitions as usize) as i32;
        let metadata = scene.dice.pick(["", "of another program", "AAAA", "\u{1f4b8}"]);
        if scene.cluster.commit_foreign(partition, metadata) {
            scene.hit(Fault::ForeignMetadata);
            scene.say(format_args!("partition {partition}: foreign metadata {metadata:?}"));
            // What had finished out of order is known no more.
            scene.excuse_repeats(partition);
        }
    }

    /// The faults are over: what is broken is repaired, who is away comes back.
    pub(super) fn quiet(&mut self) {
        let scene = &mut self.scene;
        scene.quiet = true;
        scene.say(format_args!("faults are over"));
        scene.repair_downstream();
        scene.repair_dead_topic();
        for node in self.nodes.iter_mut().flatten() {
            node.asks_pause = false;
            node.let_go_on(scene);
        }
        scene.after(Duration::ZERO, Event::Look);
    }
}

impl Node {
    /// Whether it had no turn of late, so that deadlines passed it by.
    pub(super) fn was_held_up(&self, scene: &Scene) -> bool {
        self.was_slow(scene) || is_recent(self.unaware_until, scene)
    }

    /// Whether its driver or all of it had no turn of late.
    pub(super) fn was_slow(&self, scene: &Scene) -> bool {
        is_recent(self.held_until.max(self.driver_held_until), scene)
    }
}

fn is_recent(until: Duration, scene: &Scene) -> bool {
    !until.is_zero() && until.saturating_add(scene.plan.revoke_timeout) >= scene.now
}

impl Scene {
    pub(super) fn draw_receive_failure(&mut self) -> Option<Error> {
        if self.quiet || !self.checks.troubled {
            return None;
        }
        match self.dice.below(2_000) {
            0..8 => {
                self.hit(Fault::ReceiveFailed);
                Some(Error::transient("receive"))
            }
            8 => {
                self.hit(Fault::ReceiveFatal);
                Some(Error::fatal("receive"))
            }
            _ => None,
        }
    }

    /// Who joins while one who is gone is not missed has all wait for that one. The members' requests to join come before
    /// their commits on the same connections, and are not answered until then (decision 22).
    pub(super) fn await_the_gone(&mut self) {
        if self.unnoticed_until > self.now && self.plan.protocol == RebalanceProtocol::Cooperative {
            self.commits_stand_until = self.unnoticed_until;
            let until = self.unnoticed_until;
            self.say(format_args!("commits stand still until {until:?}"));
        }
    }

    /// How a commit fares, and how long it takes.
    pub(super) fn draw_commit_fare(&mut self) -> (Fare, Duration) {
        let mut latency = self.dice.millis(0, 30);
        let stands = self.commits_stand_until.saturating_sub(self.now);
        if !stands.is_zero() {
            self.hit(Fault::CommitStands);
            latency += stands;
        }
        if self.quiet || !self.checks.troubled {
            return (Fare::Arrives, latency);
        }
        if self.dice.one_in(25) {
            self.hit(Fault::CommitLate);
            latency += self.dice.millis(100, 8_000);
        }
        let (fare, fault) = match self.dice.below(60) {
            0 => (Fare::Fails, Fault::CommitFailed),
            1 => (Fare::UnknownApplied, Fault::CommitUnknownApplied),
            2 => (Fare::UnknownLost, Fault::CommitUnknownLost),
            _ => return (Fare::Arrives, latency),
        };
        self.hit(fault);
        (fare, latency)
    }
}
