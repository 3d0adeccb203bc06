//! The partitions in our hands. Pure.

use std::time::Instant;

use crate::consumer::AckToken;
use crate::pipeline::lanes::LaneShare;

/// By slot: which generation of a partition is ours, and whether it is asked back.
#[derive(Debug, Default)]
pub(super) struct Slots {
    held: Vec<Option<Held>>,
    /// Partitions that are handled.
    active: usize,
    /// Partitions that are asked back while shards hold something of them.
    leaving: usize,
    /// Of these, those of which there may be more to receive.
    unread: usize,
    /// The consumer tells ends; if it never did, nothing follows from their absence.
    tells_ends: bool,
    next_cut: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    generation: u32,
    /// Of topic and partition: the same whatever the slot, so that a partition's keys stay with their shards.
    hash: u64,
    /// Deliveries that the shards hold.
    out: usize,
    /// Everything that was there has been received.
    at_end: bool,
    /// From that offset on the shards are to be told again how far it has come.
    tells_from: i64,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Handled.
    Active,
    /// Asked back: what runs may finish until then.
    Stopping { cut_at: Instant },
    /// Asked back, and nothing of it runs any more. Still ours until the consumer says otherwise, so that what finished
    /// in time is acknowledged as such.
    CutOff,
}

/// No offset was told yet.
const UNTOLD: i64 = i64::MIN;

/// Of a delivery that goes to a shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandedOut {
    /// The hash of its partition.
    pub(super) partition: u64,
    /// The shards are to be told how far that has come.
    pub(super) tells: bool,
}

impl Held {
    /// Takes note of how far it has come; false for the first that is received.
    #[cold]
    const fn come_to(&mut self, offset: i64) -> bool {
        let tells = self.tells_from != UNTOLD;
        self.tells_from = offset.saturating_add(LaneShare::TOLD_EVERY);
        tells
    }
}

impl Slots {
    /// The partition is ours. True if an older generation was: let go before anybody said so, its work is to be dropped.
    pub(super) fn assign(&mut self, slot: u32, generation: u32, hash: u64) -> bool {
        let index = slot as usize;
        if self.held.len() <= index {
            self.held.resize_with(index + 1, || None);
        }
        let held =
            Held { generation, hash, out: 0, at_end: true, tells_from: UNTOLD, standing: Standing::Active };
        let older = self.held.get_mut(index).and_then(|place| place.replace(held));
        self.count();
        older.is_some()
    }

    /// The partition is asked back. False if it is not ours.
    pub(super) fn stop(&mut self, slot: u32, generation: u32, cut_at: Instant) -> bool {
        let Some(held) = self.get_mut(slot, generation) else { return false };
        held.standing = Standing::Stopping { cut_at };
        self.count();
        true
    }

    /// The partition is no longer ours. False if it was not.
    pub(super) fn lose(&mut self, slot: u32, generation: u32) -> bool {
        if self.get_mut(slot, generation).is_none() {
            return false;
        }
        if let Some(place) = self.held.get_mut(slot as usize) {
            *place = None;
        }
        self.count();
        true
    }

    /// A delivery goes to a shard, if its partition is ours and not asked back.
    #[inline]
    pub(super) fn hand_out(&mut self, token: AckToken, offset: i64) -> Option<HandedOut> {
        let held = at(&mut self.held, token.slot(), token.generation())?;
        if held.standing != Standing::Active {
            return None;
        }
        held.out += 1;
        if held.at_end {
            held.at_end = false;
            self.unread += 1;
        }
        let tells = offset >= held.tells_from && held.come_to(offset);
        Some(HandedOut { partition: held.hash, tells })
    }

    /// Everything that is there of a partition was received.
    pub(super) fn reached_end(&mut self, slot: u32, generation: u32) {
        self.tells_ends = true;
        if let Some(held) = self.get_mut(slot, generation)
            && held.standing == Standing::Active
            && !std::mem::replace(&mut held.at_end, true)
        {
            self.unread = self.unread.saturating_sub(1);
        }
    }

    /// How many partitions are handled.
    pub(super) const fn active(&self) -> usize {
        self.active
    }

    /// How many are asked back while shards hold something of them. Whoever let go of a partition with nothing out is not told of it.
    pub(super) const fn leaving(&self) -> usize {
        self.leaving
    }

    /// Whether all that is there of them was received.
    pub(super) const fn are_at_end(&self) -> bool {
        self.unread == 0 || !self.tells_ends
    }

    /// Whether the partition of a delivery is still ours.
    pub(super) fn holds(&self, token: AckToken) -> bool {
        let held = self.held.get(token.slot() as usize).and_then(Option::as_ref);
        held.is_some_and(|held| held.generation == token.generation())
    }

    /// Deliveries are back. Whether the partitions of all of them are still ours.
    pub(super) fn take_back(&mut self, tokens: &[AckToken]) -> bool {
        let (mut all_ours, mut last_are_back) = (true, false);
        let held = self.held.as_mut_slice();
        for token in tokens {
            match at(held, token.slot(), token.generation()) {
                Some(held) if held.out > 1 => held.out -= 1,
                Some(held) => {
                    held.out = 0;
                    last_are_back |= held.standing != Standing::Active;
                }
                None => all_ours = false,
            }
        }
        if last_are_back {
            self.count();
        }
        all_ours
    }

    /// When [`cut`](Self::cut) has something to do.
    pub(super) const fn next_cut(&self) -> Option<Instant> {
        self.next_cut
    }

    /// The partitions whose time to finish is over while something of them runs, each once.
    pub(super) fn cut(&mut self, now: Instant) -> Vec<u32> {
        let mut overdue = Vec::new();
        if self.next_cut.is_none_or(|at| at > now) {
            return overdue;
        }
        for (slot, held) in (0..).zip(&mut self.held) {
            if let Some(held) = held
                && matches!(held.standing, Standing::Stopping { cut_at } if cut_at <= now)
            {
                held.standing = Standing::CutOff;
                if held.out > 0 {
                    overdue.push(slot);
                }
            }
        }
        self.count();
        overdue
    }

    fn get_mut(&mut self, slot: u32, generation: u32) -> Option<&mut Held> {
        at(&mut self.held, slot, generation)
    }

    /// Counts anew, after a change of the assignment, or when nothing more is out of one that is asked back.
    fn count(&mut self) {
        let active = |held: &&Held| held.standing == Standing::Active;
        self.active = self.held.iter().flatten().filter(active).count();
        let leaves = |held: &&Held| held.standing != Standing::Active && held.out > 0;
        self.leaving = self.held.iter().flatten().filter(leaves).count();
        self.unread = self.held.iter().flatten().filter(active).filter(|held| !held.at_end).count();
        let cuts = self.held.iter().flatten().filter_map(|held| match held.standing {
            Standing::Stopping { cut_at } => Some(cut_at),
            Standing::Active | Standing::CutOff => None,
        });
        self.next_cut = cuts.min();
    }
}

/// The partition at `slot`, if it is that assignment of it.
#[inline]
fn at(held: &mut [Option<Held>], slot: u32, generation: u32) -> Option<&mut Held> {
    match held.get_mut(slot as usize) {
        Some(Some(held)) if held.generation == generation => Some(held),
        _ => None,
    }
}
