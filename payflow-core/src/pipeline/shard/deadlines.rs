//! When attempts have run for too long. Pure.

use std::collections::VecDeque;
use std::time::Instant;

/// Counts what runs by the turn in which it was begun: all have the same timeout, so a turn has one deadline, and none
/// passes another.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    turns: VecDeque<Turn>,
    /// The number of the first of them.
    first: u64,
    /// What was begun in the turn under way, and runs.
    begun: usize,
}

#[derive(Debug)]
struct Turn {
    deadline: Instant,
    running: usize,
}

impl Deadlines {
    /// Something was begun: the number of its turn.
    #[inline]
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.first + self.turns.len() as u64
    }

    /// What was begun since this was last told may run until then.
    pub(super) fn set(&mut self, deadline: Instant) {
        if self.begun > 0 {
            self.turns.push_back(Turn { deadline, running: std::mem::take(&mut self.begun) });
        }
    }

    /// What was begun in that turn has ended.
    #[inline]
    pub(super) fn end(&mut self, turn: u64) {
        // Those before the first are overdue, and are not counted any more.
        let Some(index) = turn.checked_sub(self.first) else { return };
        match self.turns.get_mut(index as usize) {
            Some(turn) => turn.running = turn.running.saturating_sub(1),
            None => self.begun = self.begun.saturating_sub(1),
        }
    }

    /// The next deadline, at the latest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.turns.front().map(|turn| turn.deadline)
    }

    /// A turn of which something runs beyond its deadline; each is told once.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<u64> {
        loop {
            let Turn { deadline, running } = self.turns.front()?;
            let runs = *running > 0;
            if runs && *deadline > now {
                return None;
            }
            self.turns.pop_front();
            self.first += 1;
            if runs {
                return Some(self.first - 1);
            }
        }
    }

    /// How many turns it knows of.
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// Forgets the turns of which nothing runs, which lie behind one of which something runs long. The others have new
    /// numbers then, by the old ones.
    pub(super) fn forget_ended(&mut self) -> impl Fn(u64) -> u64 + use<> {
        let first = self.first;
        let mut numbers = Vec::with_capacity(self.turns.len());
        let mut kept = first;
        for turn in &self.turns {
            numbers.push(kept);
            kept += u64::from(turn.running > 0);
        }
        self.turns.retain(|turn| turn.running > 0);
        move |turn| {
            let index = turn.checked_sub(first).map(|index| index as usize);
            index.map_or(turn, |index| numbers.get(index).copied().unwrap_or(kept))
        }
    }
}
