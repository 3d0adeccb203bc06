//! What happens to a world: members come and go, and things fail.

use payflow_core::Fault;
use tokio::time::Instant;

use crate::GROUP;
use crate::member::Running;
use crate::work::DESTINATIONS;
use crate::world::{Lift, World};

const TRANSIENT: Fault = Fault::Transient { retry_after: None };

impl World {
    /// One thing happens.
    pub(crate) fn trouble_step(&mut self) {
        if self.members.is_empty() {
            return self.start();
        }
        match self.dice.below(24) {
            0..4 if self.members.len() < self.plan.members => self.start(),
            4 | 5 => self.stop(),
            6 => self.kill(),
            7 => self.expel(),
            8 => self.stall(),
            9 => self.pause(),
            10 => self.fail_commits(),
            11 => self.fail_receives(),
            12 => self.refuse_dead_letters(),
            13 => self.fail_sends(),
            14 => self.lose_receipts(),
            15 | 16 => self.append_gap(),
            17 => self.move_leader(),
            18 => self.add_partition(),
            19 | 20 => self.begin_outage(),
            _ => {}
        }
    }

    pub(crate) fn start(&mut self) {
        let member = self.started;
        self.started += 1;
        let config = self.plan.pipeline.clone().with_seed(self.dice.next());
        let running = Running::start(&self.around, member, config).expect("the settings work");
        self.members.push(running);
        self.hit("join");
    }

    fn stop(&mut self) {
        let index = self.dice.below(self.members.len());
        let mut running = self.members.remove(index);
        running.stop();
        self.leaving.push(running);
        self.hit("stop");
    }

    fn kill(&mut self) {
        let index = self.dice.below(self.members.len());
        let running = self.members.remove(index);
        running.kill();
        self.leaving.push(running);
        self.hit("kill");
    }

    fn expel(&mut self) {
        let index = self.dice.below(self.members.len());
        let (member, id) = (self.members[index].member, self.members[index].id);
        // Before others are given what it had, so that the ledger knows what was durable.
        self.ledger().write().expelled(member);
        if self.around.cluster.expel(id) {
            self.say(format!("m{member} is expelled"));
            self.hit("expel");
        }
    }

    fn stall(&mut self) {
        let index = self.dice.below(self.members.len());
        let time = self.dice.millis(500, 15_000);
        self.members[index].stall(time);
        self.say(format!("m{} does not receive for {time:?}", self.members[index].member));
        self.hit("stall");
    }

    fn pause(&mut self) {
        let index = self.dice.below(self.members.len());
        let time = self.dice.millis(100, 5_000);
        let running = &mut self.members[index];
        if !running.paused {
            running.paused = true;
            running.handle.pause();
            let member = running.member;
            self.around.ledger.write().paused(member, true);
            self.lifted_at.push((Instant::now() + time, Lift::Pause(member)));
            self.hit("pause");
        }
    }

    fn fail_commits(&mut self) {
        let (count, fault) = (self.dice.within(1, 8), self.dice.pick(&[TRANSIENT, Fault::Unknown]));
        self.around.cluster.fail_next_commits(GROUP, std::iter::repeat_n(fault, count));
        self.say(format!("{count} commits will fail: {fault}"));
        self.hit("commits fail");
    }

    fn fail_receives(&mut self) {
        let (count, fatal) = (self.dice.within(1, 6), self.dice.percent(15));
        let fault = if fatal { Fault::Fatal } else { TRANSIENT };
        let count = if fatal { 1 } else { count };
        self.around.cluster.fail_next_receives(GROUP, std::iter::repeat_n(fault, count));
        self.say(format!("{count} receives will fail: {fault}"));
        self.hit(if fatal { "receive fatal" } else { "receives fail" });
    }

    fn refuse_dead_letters(&mut self) {
        let (time, fault) = (self.dice.millis(200, 10_000), self.dice.pick(&[TRANSIENT, Fault::Unknown]));
        self.around.cluster.refuse_sends(&self.around.dead, Some(fault));
        self.lifted_at.push((Instant::now() + time, Lift::Refusal));
        self.say(format!("dead letters are refused for {time:?}: {fault}"));
        self.hit("dead letters refused");
    }

    fn fail_sends(&mut self) {
        let (count, fault) = (self.dice.within(1, 5), self.dice.pick(&[TRANSIENT, Fault::Unknown]));
        let topic = self.dice.pick(&[&self.around.topic, &self.around.dead]);
        self.around.cluster.fail_next_sends(topic, std::iter::repeat_n(fault, count));
        self.hit("sends fail");
    }

    fn lose_receipts(&mut self) {
        let count = self.dice.within(1, 4);
        let topic = self.dice.pick(&[&self.around.topic, &self.around.dead]);
        self.around.cluster.lose_next_receipts(topic, count);
        self.hit("receipts lost");
    }

    fn append_gap(&mut self) {
        let (partition, count) = (self.partition(), self.dice.within(1, 30) as u32);
        self.around.cluster.append_gap(&self.around.topic, partition, count);
        self.say(format!("a gap of {count} in {partition}"));
        self.hit("gap");
    }

    fn move_leader(&mut self) {
        let (partition, time) = (self.partition(), self.dice.millis(50, 4_000));
        self.around.cluster.move_leader(&self.around.topic, partition, time);
        self.say(format!("{partition} has no leader for {time:?}"));
        self.hit("leader move");
    }

    fn add_partition(&mut self) {
        if self.partitions < 8 {
            self.partitions += 1;
            self.around.cluster.add_partitions(&self.around.topic, self.partitions).expect("it is one more");
            self.say(format!("{} partitions from now on", self.partitions));
            self.hit("partition added");
        }
    }

    fn begin_outage(&mut self) {
        let (destination, time) = (self.dice.below(DESTINATIONS.len()), self.dice.millis(500, 20_000));
        self.around.weather.set_down(destination, true);
        self.outages += 1;
        self.lifted_at.push((Instant::now() + time, Lift::Outage(destination)));
        self.say(format!("{} is down for {time:?}", DESTINATIONS[destination]));
        self.hit("outage");
    }

    fn partition(&mut self) -> i32 {
        self.dice.below(self.partitions as usize) as i32
    }

    fn say(&self, what: String) {
        self.ledger().write().say(what);
    }

    fn hit(&self, fault: &'static str) {
        self.ledger().write().hit(fault);
    }
}
