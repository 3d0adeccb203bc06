//! Clients that send payments, and repeat what they are not sure of.

use bytes::Bytes;

use super::faults::Fault;
use super::handlers::Fate;
use super::scene::Scene;
use super::world::Event;
use crate::memory::Sent;
use crate::pipeline::Order;
use crate::record::{Record, Topic};

/// A client: one payment after another.
#[derive(Debug)]
pub(super) struct Producer {
    number: usize,
    topic: Topic,
    left: usize,
    sent: usize,
    /// What it sends next, again.
    pending: Option<Payment>,
}

#[derive(Debug, Clone, Copy)]
struct Payment {
    number: usize,
    /// `None`: a record without a key.
    key: Option<usize>,
    value_bytes: usize,
    fate: Fate,
}

/// What values are slices of.
static ZEROES: [u8; 100_000] = [0; 100_000];

impl Producer {
    pub(super) const fn new(number: usize, topic: Topic, payments: usize) -> Self {
        Self { number, topic, left: payments, sent: 0, pending: None }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.left == 0 && self.pending.is_none()
    }

    /// Sends a few, and comes back for more.
    pub(super) fn turn(&mut self, scene: &mut Scene) {
        for _ in 0..scene.dice.within(1, 8) {
            if !self.send_one(scene) {
                let pause = scene.dice.millis(10, 1_000);
                return scene.after(pause, Event::Produce { producer: self.number });
            }
        }
        if !self.is_done() {
            let each = scene.plan.faulty_for.as_millis() as usize * 9 / (scene.plan.payments + 1);
            let pause = scene.dice.millis(0, each * scene.plan.producers);
            scene.after(pause, Event::Produce { producer: self.number });
        }
    }

    /// Without faults, and without a pause.
    pub(super) fn send_backlog(&mut self, scene: &mut Scene, payments: usize) {
        for _ in 0..payments.min(self.left) {
            let payment = self.next(scene);
            let _ = self.write(scene, payment, false);
        }
    }

    /// False: it has to be sent again.
    fn send_one(&mut self, scene: &mut Scene) -> bool {
        if self.is_done() {
            return true;
        }
        let repeats = self.pending.is_some();
        let payment = self.pending.take().unwrap_or_else(|| self.next(scene));
        if repeats {
            scene.hit(Fault::ClientRepeat);
        }
        let loses_answer = !scene.quiet && scene.checks.troubled && scene.dice.one_in(30);
        let sent = if loses_answer && scene.dice.one_in(3) {
            Sent::Unanswered(None)
        } else {
            self.write(scene, payment, loses_answer)
        };
        match sent {
            Sent::Written(_) => return true,
            Sent::Refused => scene.hit(Fault::SendRefused),
            Sent::Unanswered(Some(_)) => scene.hit(Fault::SendAmbiguousWritten),
            Sent::Unanswered(None) => scene.hit(Fault::SendAmbiguousLost),
        }
        if scene.quiet && !matches!(sent, Sent::Written(_)) && !scene.has_moving_leaders() {
            scene.violated(format!("client {}: a send fails without a fault", self.number));
        }
        self.pending = Some(payment);
        false
    }

    fn next(&mut self, scene: &mut Scene) -> Payment {
        self.left -= 1;
        self.sent += 1;
        let key = if scene.dice.one_in(20) { None } else { Some(scene.dice.below(scene.plan.keys)) };
        let value_bytes =
            if scene.dice.one_in(60) { scene.dice.below(ZEROES.len()) } else { scene.dice.below(300) };
        // Each client has keys of its own: what it sends of one is in the order it sent.
        let key = key.map(|key| key * scene.plan.producers + self.number);
        let fate = scene.draw_fate();
        if self.sent % 2 == 1 && self.sent < 2 * scene.plan.burst {
            // A key that no other payment has.
            return Payment {
                number: self.sent,
                key: Some(scene.plan.keys),
                value_bytes,
                fate: Fate::HOPELESS,
            };
        }
        Payment { number: self.sent, key, value_bytes, fate }
    }

    fn write(&self, scene: &mut Scene, payment: Payment, loses_answer: bool) -> Sent {
        let value = ZEROES.get(..payment.value_bytes).unwrap_or(&ZEROES);
        let mut record = Record::new(self.topic.clone(), Bytes::from_static(value));
        // Key number 0 is the empty one.
        let text = |key: usize| if key == 0 { Bytes::new() } else { Bytes::from(format!("u{key}")) };
        record.key = payment.key.map(text);
        if payment.fate == Fate::Tombstone {
            record.value = None;
        }
        let (milliseconds, now) = (scene.now.as_millis() as i64, scene.instant());
        let sent = if loses_answer {
            scene.cluster.append_unanswered(record, milliseconds, now)
        } else {
            scene.cluster.append(record, milliseconds, now)
        };
        let number = payment.number;
        if let Sent::Written(receipt) | Sent::Unanswered(Some(receipt)) = &sent {
            let (partition, offset) = (receipt.partition, receipt.offset);
            let lane = match scene.plan.order {
                Order::ByKey => payment.key.map(Some),
                Order::ByPartition => Some(None),
                Order::None => None,
            };
            scene.ledger.append(partition, offset, lane, payment.fate);
            for _ in 0..scene.ledger.take_gaps_closed() {
                scene.hit(Fault::GapMiddle);
            }
            let (key, fate) = (payment.key, payment.fate);
            scene.say(format_args!(
                "client {} writes payment {number} key {key:?} at {partition}@{offset}: {fate:?}",
                self.number
            ));
        }
        sent
    }
}
