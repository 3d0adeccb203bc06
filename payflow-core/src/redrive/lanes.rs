//! What waits to be sent: one at a time for each key, in the order of the dead-letter partition. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use crate::consumer::AckToken;
use crate::record::Record;

/// A dead letter that was chosen.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) token: AckToken,
    /// Of the dead-letter topic.
    pub(super) partition: i32,
    /// In that partition.
    pub(super) offset: i64,
    pub(super) record: Record,
    pub(super) bytes: usize,
    /// How often it was sent in vain.
    pub(super) failures: u32,
}

/// Letters that were taken in, until they are [settled](Self::settle).
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// May be sent now.
    ready: VecDeque<Letter>,
    /// Behind another of their key. A key is in here from the time its first letter was taken in.
    waiting: BTreeMap<Bytes, VecDeque<Letter>>,
    /// Sent in vain, and to be sent again then; with a number to tell equal times apart.
    pausing: BTreeMap<(Instant, u64), Letter>,
    pauses: u64,
    held: usize,
    held_bytes: usize,
}

impl Lanes {
    pub(super) fn push(&mut self, letter: Letter) {
        self.held += 1;
        self.held_bytes += letter.bytes;
        match &letter.record.key {
            // Without a key there is no order to keep.
            None => self.ready.push_back(letter),
            Some(key) => match self.waiting.get_mut(key) {
                Some(waiting) => waiting.push_back(letter),
                None => {
                    self.waiting.insert(key.clone(), VecDeque::new());
                    self.ready.push_back(letter);
                }
            },
        }
    }

    /// Takes the next that may be sent; its key is held until the letter is settled.
    pub(super) fn next(&mut self) -> Option<Letter> {
        self.ready.pop_front()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A letter that was taken is done with, one way or the other: the next of its key may be sent.
    pub(super) fn settle(&mut self, letter: &Letter) {
        self.forget(letter);
        self.release(letter.record.key.as_ref());
    }

    /// A letter that was taken is sent again at `at`. Its key stays held.
    pub(super) fn pause(&mut self, letter: Letter, at: Instant) {
        self.pauses += 1;
        self.pausing.insert((at, self.pauses), letter);
    }

    /// Makes ready what has paused long enough.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some(first) = self.pausing.first_entry()
            && first.key().0 <= now
        {
            self.ready.push_back(first.remove());
        }
    }

    /// When the first pause ends.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.pausing.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many pause.
    pub(super) fn pausing(&self) -> usize {
        self.pausing.len()
    }

    /// Taken in and not settled.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// The bytes of those.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Lets go of what is not being sent and `goes`, and gives its tokens.
    pub(super) fn remove(&mut self, goes: impl Fn(AckToken) -> bool) -> Vec<AckToken> {
        let mut removed = Vec::new();
        for waiting in self.waiting.values_mut() {
            take(waiting, &goes, &mut removed);
        }
        let behind = removed.len();
        take(&mut self.ready, &goes, &mut removed);
        let paused: Vec<_> =
            self.pausing.iter().filter(|(_, letter)| goes(letter.token)).map(|(at, _)| *at).collect();
        removed.extend(paused.iter().filter_map(|at| self.pausing.remove(at)));
        for (index, letter) in removed.iter().enumerate() {
            self.forget(letter);
            // Those behind others held no key.
            if index >= behind {
                self.release(letter.record.key.as_ref());
            }
        }
        removed.iter().map(|letter| letter.token).collect()
    }

    fn forget(&mut self, letter: &Letter) {
        self.held -= 1;
        self.held_bytes -= letter.bytes;
    }

    fn release(&mut self, key: Option<&Bytes>) {
        let Some(key) = key else {
            return;
        };
        match self.waiting.get_mut(key).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back(next),
            None => {
                self.waiting.remove(key);
            }
        }
    }
}

fn take(letters: &mut VecDeque<Letter>, goes: impl Fn(AckToken) -> bool, removed: &mut Vec<Letter>) {
    for _ in 0..letters.len() {
        match letters.pop_front() {
            Some(letter) if goes(letter.token) => removed.push(letter),
            Some(letter) => letters.push_back(letter),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
