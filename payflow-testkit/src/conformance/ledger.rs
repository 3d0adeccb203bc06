//! What a consumer has told so far, and the rules that hold for every word of it.
//!
//! Pure: it takes what `receive` handed over, and finds what breaks the contract whatever the case is about.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::time::Instant;

use payflow_core::{AckToken, Assignment, Change, Delivery, Inbound, PartitionEnd, Room, Topic};

use super::numbered::{listed, number};
use super::violation::{Violation, label};

/// The account of one consumer.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    held: BTreeMap<u32, Held>,
    generations: BTreeMap<u32, u32>,
    delivered: Vec<Delivery>,
    seen: HashSet<AckToken>,
    out: HashSet<AckToken>,
    ends: Vec<End>,
    ended: bool,
}

/// A partition in the consumer's hands.
#[derive(Debug)]
struct Held {
    assignment: Assignment,
    revoking_until: Option<Instant>,
    last_offset: Option<i64>,
}

/// The end of a partition, and how much had been delivered when it was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) delivered_before: usize,
}

impl Ledger {
    /// Takes over what one `receive` with `room` added, and leaves `inbound` empty.
    ///
    /// # Errors
    /// A rule of the contract is broken.
    pub(crate) fn absorb(&mut self, inbound: &mut Inbound, room: Room) -> Result<(), Violation> {
        for change in inbound.changes.drain(..) {
            self.change(change)?;
        }
        let (mut taken, mut taken_bytes) = (0, 0);
        for delivery in inbound.deliveries.drain() {
            check_room(room, taken, taken_bytes, &delivery)?;
            taken += 1;
            taken_bytes += delivery.size_bytes();
            self.deliver(delivery)?;
        }
        for end in inbound.ends.drain(..) {
            self.end(end)?;
        }
        self.ended |= inbound.ended;
        inbound.clear();
        Ok(())
    }

    /// All that was delivered, in the order in which it came.
    pub(crate) fn delivered(&self) -> &[Delivery] {
        &self.delivered
    }

    /// The partitions that are assigned, and not asked back.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        let kept = self.held.values().filter(|held| held.revoking_until.is_none());
        kept.map(|held| held.assignment.partition).collect()
    }

    /// The partitions that are asked back.
    pub(crate) fn revoking(&self) -> Vec<i32> {
        let asked_back = self.held.values().filter(|held| held.revoking_until.is_some());
        asked_back.map(|held| held.assignment.partition).collect()
    }

    /// The earliest deadline of a revoking partition.
    pub(crate) fn revoking_until(&self) -> Option<Instant> {
        self.held.values().filter_map(|held| held.revoking_until).min()
    }

    /// The ends that were told, in order.
    pub(crate) fn ends(&self) -> &[End] {
        &self.ends
    }

    /// Whether the source has ended.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether anything was ever assigned.
    pub(crate) fn was_assigned(&self) -> bool {
        !self.generations.is_empty()
    }

    /// What is out of the partitions that are assigned, and not asked back.
    pub(crate) fn out(&self) -> Vec<Delivery> {
        let kept = |delivery: &&Delivery| {
            let held = self.held.get(&delivery.token.slot());
            self.out.contains(&delivery.token) && held.is_some_and(|held| held.revoking_until.is_none())
        };
        self.delivered.iter().filter(kept).cloned().collect()
    }

    /// The tokens of these deliveries go back.
    pub(crate) fn returned(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            self.out.remove(&delivery.token);
        }
    }

    fn change(&mut self, change: Change) -> Result<(), Violation> {
        let assignments = match &change {
            Change::Assigned(all) | Change::Lost(all) => all,
            Change::Revoking { assignments, .. } => assignments,
        };
        if assignments.is_empty() {
            let happened = format!("there was none in {change:?}");
            return Err(Violation::new("at least one partition in a change", happened));
        }
        match change {
            Change::Assigned(assignments) => assignments.into_iter().try_for_each(|one| self.assigned(one)),
            Change::Revoking { assignments, until } => {
                for assignment in assignments {
                    self.held_as(&assignment, "Revoking")?.revoking_until = Some(until);
                }
                Ok(())
            }
            Change::Lost(assignments) => {
                for assignment in assignments {
                    self.held_as(&assignment, "Lost")?;
                    self.let_go(assignment.slot);
                }
                Ok(())
            }
        }
    }

    fn assigned(&mut self, assignment: Assignment) -> Result<(), Violation> {
        let slot = self.slot_of(&assignment.topic, assignment.partition);
        if let Some(held) = slot.and_then(|slot| self.held.get(&slot)) {
            let happened = format!("{} came while {} was held", name(&assignment), name(&held.assignment));
            let Some(until) = held.revoking_until else {
                return Err(Violation::new("no partition assigned twice without being asked back", happened));
            };
            if self.tokens_out(held.assignment.slot) > 0 && Instant::now() < until {
                let expected =
                    "a revoking partition let go when its last token is back or its deadline has passed";
                return Err(Violation::new(expected, format!("{happened}, before either")));
            }
            self.let_go(held.assignment.slot);
        }
        if let Some(last) = self.generations.get(&assignment.slot)
            && *last >= assignment.generation
        {
            let happened =
                format!("slot {} went from generation {last} to {}", assignment.slot, assignment.generation);
            return Err(Violation::new("a higher generation with each assignment of a slot", happened));
        }
        self.generations.insert(assignment.slot, assignment.generation);
        let held = Held { assignment, revoking_until: None, last_offset: None };
        // A slot may serve another partition once its own was let go, which nothing tells.
        self.let_go(held.assignment.slot);
        self.held.insert(held.assignment.slot, held);
        Ok(())
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<(), Violation> {
        let (slot, generation) = (delivery.token.slot(), delivery.token.generation());
        let held = self.held.get_mut(&slot).filter(|held| {
            let assignment = &held.assignment;
            assignment.generation == generation
                && assignment.partition == delivery.partition
                && assignment.topic == delivery.topic
        });
        let Some(held) = held else {
            let happened = format!(
                "slot {slot}, generation {generation} is not held as {}/{}",
                delivery.topic, delivery.partition
            );
            let expected =
                "deliveries only of partitions that were assigned before, under their slot and generation";
            return Err(Violation::new(expected, happened).of(&delivery));
        };
        if !self.seen.insert(delivery.token) {
            let happened = format!("{:?} came twice", delivery.token);
            return Err(Violation::new("a token of its own for each delivery", happened).of(&delivery));
        }
        if held.last_offset.is_some_and(|last| last >= delivery.offset) {
            let happened =
                format!("offset {} came after offset {}", delivery.offset, held.last_offset.unwrap_or(-1));
            let expected = "each record once in a generation, in the order of the log";
            return Err(Violation::new(expected, happened).of(&delivery));
        }
        if self.ended {
            let expected = "nothing after the end of the source";
            return Err(Violation::new(expected, "a delivery came").of(&delivery));
        }
        held.last_offset = Some(delivery.offset);
        self.out.insert(delivery.token);
        self.delivered.push(delivery);
        Ok(())
    }

    fn end(&mut self, end: PartitionEnd) -> Result<(), Violation> {
        let held = self.held.get(&end.slot).filter(|held| held.assignment.generation == end.generation);
        let Some(held) = held else {
            let happened = format!("slot {}, generation {} is not held", end.slot, end.generation);
            return Err(Violation::new("the ends of partitions that are assigned", happened));
        };
        if held.last_offset.is_some_and(|last| last >= end.offset) {
            let happened = format!("{} was said to end at {}", name(&held.assignment), end.offset);
            return Err(Violation::new("the end of a partition behind what was delivered of it", happened));
        }
        let partition = held.assignment.partition;
        self.ends.push(End { partition, offset: end.offset, delivered_before: self.delivered.len() });
        Ok(())
    }

    fn held_as(&mut self, assignment: &Assignment, change: &str) -> Result<&mut Held, Violation> {
        let held = self.held.get_mut(&assignment.slot);
        held.filter(|held| held.assignment == *assignment).ok_or_else(|| {
            let happened = format!("{change} named {}, which is not held", name(assignment));
            Violation::new("changes only of partitions that are held, by their numbers", happened)
        })
    }

    fn slot_of(&self, topic: &Topic, partition: i32) -> Option<u32> {
        let mut held = self.held.values().map(|held| &held.assignment);
        held.find(|held| held.topic == *topic && held.partition == partition).map(|held| held.slot)
    }

    fn tokens_out(&self, slot: u32) -> usize {
        self.out.iter().filter(|token| token.slot() == slot).count()
    }

    fn holdings(&self) -> String {
        format!("partitions held {:?}, revoking {:?}", self.partitions(), self.revoking())
    }

    fn let_go(&mut self, slot: u32) {
        self.held.remove(&slot);
        self.out.retain(|token| token.slot() != slot);
    }
}

fn check_room(room: Room, taken: usize, taken_bytes: usize, delivery: &Delivery) -> Result<(), Violation> {
    if room.fits(taken, taken_bytes, delivery.size_bytes()) {
        return Ok(());
    }
    let alone = if room.first_may_exceed { ", or one larger record alone" } else { "" };
    let expected =
        format!("at most {} records of {} bytes together in one receive{alone}", room.records, room.bytes);
    let happened =
        format!("record {} came, of {} bytes, behind {taken_bytes} bytes", taken + 1, delivery.size_bytes());
    Err(Violation::new(expected, happened).of(delivery))
}

fn name(assignment: &Assignment) -> String {
    let Assignment { slot, generation, topic, partition } = assignment;
    format!("{topic}/{partition} (slot {slot}, generation {generation})")
}

/// What came, for a message: which records, the partitions held, and the last delivery.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.delivered.last() else {
            return write!(f, "no deliveries had come; {}", self.holdings());
        };
        let numbers: BTreeSet<usize> = self.delivered.iter().filter_map(|one| number(one).ok()).collect();
        let came = self.delivered.len();
        write!(f, "{came} deliveries had come (records {}); {}", listed(&numbers), self.holdings())?;
        write!(f, "; the last delivery was {}", label(last))
    }
}

#[cfg(test)]
mod tests;
