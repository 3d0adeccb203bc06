//! The partitions in our hands. Pure.

use std::time::Instant;

use crate::consumer::AckToken;

/// By slot: which generation of a partition is ours, and whether it is asked back.
#[derive(Debug, Default)]
pub(super) struct Slots {
    held: Vec<Option<Held>>,
    next_cut: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    generation: u32,
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

impl Slots {
    /// The partition is ours. True if an older generation was: let go before anybody said so, its work is to be dropped.
    pub(super) fn assign(&mut self, slot: u32, generation: u32) -> bool {
        let index = slot as usize;
        if self.held.len() <= index {
            self.held.resize_with(index + 1, || None);
        }
        let held = Held { generation, standing: Standing::Active };
        let older = self.held.get_mut(index).and_then(|place| place.replace(held));
        self.find_next_cut();
        older.is_some()
    }

    /// The partition is asked back. False if it is not ours.
    pub(super) fn stop(&mut self, slot: u32, generation: u32, cut_at: Instant) -> bool {
        let Some(held) = self.get_mut(slot, generation) else { return false };
        held.standing = Standing::Stopping { cut_at };
        self.find_next_cut();
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
        self.find_next_cut();
        true
    }

    /// Whether the token is of a partition that is ours.
    pub(super) fn holds(&self, token: AckToken) -> bool {
        self.get(token).is_some()
    }

    /// Whether the token is of a partition that is ours, and is not asked back.
    pub(super) fn is_active(&self, token: AckToken) -> bool {
        self.get(token).is_some_and(|held| held.standing == Standing::Active)
    }

    /// When [`cut`](Self::cut) has something to do.
    pub(super) const fn next_cut(&self) -> Option<Instant> {
        self.next_cut
    }

    /// The partitions whose time to finish is over, each once.
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
                overdue.push(slot);
            }
        }
        self.find_next_cut();
        overdue
    }

    fn get(&self, token: AckToken) -> Option<&Held> {
        let held = self.held.get(token.slot() as usize)?.as_ref();
        held.filter(|held| held.generation == token.generation())
    }

    fn get_mut(&mut self, slot: u32, generation: u32) -> Option<&mut Held> {
        let held = self.held.get_mut(slot as usize)?.as_mut();
        held.filter(|held| held.generation == generation)
    }

    fn find_next_cut(&mut self) {
        let cuts = self.held.iter().flatten().filter_map(|held| match held.standing {
            Standing::Stopping { cut_at } => Some(cut_at),
            Standing::Active | Standing::CutOff => None,
        });
        self.next_cut = cuts.min();
    }
}
