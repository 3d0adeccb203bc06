//! What a consumer holds: partitions, what was read of them, what is out, finished and committed. Pure.

mod intake;

use std::collections::HashMap;
use std::time::Instant;

use payflow_core::{
    AckToken, Assignment, Change, FinishedBeyond, Inbound, OffsetTracker, PartitionEnd, PartitionProgress,
    Room, Topic,
};

use super::ready::Ready;

/// The partitions in a consumer's hands, and what is about to be handed over.
///
/// The poll thread brings in, the consumer's owner takes out.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    slots: Vec<Option<Holding>>,
    generation: u32,
    /// Not handed over yet.
    changes: Vec<Change>,
    ready: Ready,
    /// Partitions whose end is not told yet.
    ends: usize,
}

#[derive(Debug)]
struct Holding {
    assignment: Assignment,
    tracker: OffsetTracker,
    /// What the group has committed, as far as is known here. `None`: a place in a log that is gone.
    committed: Option<Committed>,
    /// Counts what may change the next commit, and how much of it `committed` holds: to look costs less than to encode.
    changes: u64,
    changes_committed: u64,
    /// The highest offset of which a commit was begun: no later one may set the group back.
    begun: i64,
    /// Deliveries in `ready`.
    ready: usize,
    /// Deliveries handed over whose tokens are not back.
    out: usize,
    end: Option<i64>,
    /// Where the log ends, as a broker said last.
    log_end: Option<i64>,
    revoking: bool,
    /// So much is unfinished that a commit could not say what is finished: nothing more is taken in.
    held_back: bool,
}

/// An offset below which all is finished, and what says which others are: a commit's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Committed {
    pub(super) offset: i64,
    pub(super) metadata: String,
}

/// What to commit of a partition, and the assignment whose watermark it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watermark {
    pub(super) topic: Topic,
    pub(super) partition: i32,
    pub(super) committed: Committed,
    pub(super) slot: u32,
    pub(super) generation: u32,
    /// How far the assignment's count of changes had come.
    pub(super) changes: u64,
}

impl Holdings {
    /// Takes partitions in: each with the offset from which it is read on, and what is finished beyond it. Gives their
    /// assignments in the same order.
    pub(super) fn assign(
        &mut self,
        partitions: impl IntoIterator<Item = (Topic, i32, i64, FinishedBeyond)>,
    ) -> Vec<Assignment> {
        let mut assigned = Vec::new();
        for (topic, partition, offset, finished) in partitions {
            self.generation = self.generation.wrapping_add(1);
            let slot = self.free_slot();
            let assignment = Assignment { slot: number(slot), generation: self.generation, topic, partition };
            assigned.push(assignment.clone());
            // `free_slot` has just made or found this place.
            self.slots[slot] = Some(Holding {
                assignment,
                committed: Some(Committed { offset, metadata: finished.encode(offset).text }),
                tracker: OffsetTracker::resume(offset, finished),
                changes: 0,
                changes_committed: 0,
                begun: offset,
                ready: 0,
                out: 0,
                end: None,
                log_end: None,
                revoking: false,
                held_back: false,
            });
        }
        if !assigned.is_empty() {
            self.changes.push(Change::Assigned(assigned.clone()));
        }
        assigned
    }

    /// The log of a partition was cut off or begun anew: what is out of the old one is stale, and the other one is read from
    /// `offset` on. Where that is the next commit says, whether anything finishes or not: the group's place in the old log
    /// may lie beyond records of the new one.
    pub(super) fn begin_anew(&mut self, slot: u32, offset: i64) -> Option<Assignment> {
        let Assignment { topic, partition, .. } = self.slot(slot)?.assignment.clone();
        self.lose(&[slot]);
        let anew = self.assign([(topic, partition, offset, FinishedBeyond::none())]).pop()?;
        if let Some(holding) = self.slot_mut(anew.slot) {
            holding.committed = None;
            holding.changes += 1;
        }
        Some(anew)
    }

    /// The slots of those of `partitions` that are held.
    pub(super) fn slots_of<'a>(&self, partitions: impl IntoIterator<Item = (&'a str, i32)>) -> Vec<u32> {
        let held: HashMap<(&str, i32), u32> = self
            .held()
            .map(|holding| {
                let Assignment { topic, partition, slot, .. } = &holding.assignment;
                ((topic.as_str(), *partition), *slot)
            })
            .collect();
        partitions.into_iter().filter_map(|partition| held.get(&partition).copied()).collect()
    }

    /// Reading stands at `position`: what lies below and was not read never will be. At the log's end that is told.
    pub(super) fn reach(&mut self, slot: u32, generation: u32, position: i64, at_end: bool) {
        let Some(holding) = self.current(AckToken::new(slot, generation, 0)) else {
            return;
        };
        if !holding.takes_in() {
            return;
        }
        holding.tracker.end(position);
        holding.changes += 1;
        if at_end {
            let untold = holding.end.replace(position).is_some();
            self.ends += usize::from(!untold);
        }
    }

    /// The log ends there.
    pub(super) fn note_log_end(&mut self, slot: u32, generation: u32, end: i64) {
        if let Some(holding) = self.current(AckToken::new(slot, generation, 0)) {
            holding.log_end = Some(end);
        }
    }

    /// How far each partition is.
    pub(super) fn progress(&self, into: &mut Vec<PartitionProgress>) {
        into.extend(self.held().map(|holding| PartitionProgress {
            topic: holding.assignment.topic.clone(),
            partition: holding.assignment.partition,
            watermark: holding.tracker.watermark(),
            end: holding.log_end,
            metadata_headroom_bytes: Some(holding.tracker.metadata_headroom_bytes()),
        }));
    }

    /// Moves what there is and fits into `into`, and says whether that was anything.
    pub(super) fn hand_over(&mut self, into: &mut Inbound, room: Room) -> bool {
        let before = (into.changes.len(), into.deliveries.len(), into.ends.len());
        into.changes.append(&mut self.changes);
        self.ready.hand_over(&mut into.deliveries, room);
        self.note_handed_over(into.deliveries.iter().skip(before.1).map(|delivery| delivery.token));
        self.tell_ends(into);
        before != (into.changes.len(), into.deliveries.len(), into.ends.len())
    }

    fn note_handed_over(&mut self, tokens: impl Iterator<Item = AckToken>) {
        let mut tokens = tokens.peekable();
        while let Some(first) = tokens.next() {
            // Those of one partition come in runs.
            let mut run = 1;
            while tokens.next_if(|next| next.slot() == first.slot()).is_some() {
                run += 1;
            }
            if let Some(holding) = self.current(first) {
                holding.ready -= run;
                holding.out += run;
            }
        }
    }

    fn tell_ends(&mut self, into: &mut Inbound) {
        if self.ends == 0 {
            return;
        }
        for holding in self.slots.iter_mut().flatten() {
            if holding.ready == 0
                && let Some(offset) = holding.end.take()
            {
                self.ends -= 1;
                let Assignment { slot, generation, .. } = holding.assignment;
                into.ends.push(PartitionEnd { slot, generation, offset });
            }
        }
    }

    /// Takes tokens back.
    pub(super) fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        // Those of one partition come in runs.
        for run in finished.chunk_by(|one, next| one.is_of_same_assignment(*next)) {
            let Some(holding) = run.first().and_then(|first| self.current(*first)) else {
                continue;
            };
            let count = run.iter().filter(|token| holding.tracker.finish(token.sequence())).count();
            holding.out = holding.out.saturating_sub(count);
            holding.changes += count as u64;
        }
        for token in given_up {
            if let Some(holding) = self.current(*token)
                && holding.tracker.is_unfinished(token.sequence())
            {
                holding.out = holding.out.saturating_sub(1);
            }
        }
    }

    /// What is finished and was not committed yet, of all partitions or of those in `slots`.
    pub(super) fn uncommitted(&self, slots: Option<&[u32]>) -> Vec<Watermark> {
        let concerned =
            |holding: &&Holding| slots.is_none_or(|slots| slots.contains(&holding.assignment.slot));
        let watermark = |holding: &Holding| {
            let Assignment { slot, generation, topic, partition } = &holding.assignment;
            let (slot, generation, partition) = (*slot, *generation, *partition);
            let committed = Committed::of(&holding.tracker);
            (holding.committed.as_ref() != Some(&committed)).then(|| Watermark {
                topic: topic.clone(),
                partition,
                committed,
                slot,
                generation,
                changes: holding.changes,
            })
        };
        self.held()
            .filter(|holding| holding.changes != holding.changes_committed)
            .filter(concerned)
            .filter_map(watermark)
            .collect()
    }

    /// Takes note that a commit begins, and takes out of it what would set the group back: partitions that were let go or
    /// lost since it was asked for, and offsets behind those of a later commit.
    ///
    /// Says whether a partition was no longer held.
    pub(super) fn begin_commit(&mut self, watermarks: &mut Vec<Watermark>) -> bool {
        let mut gone = false;
        watermarks.retain(|watermark| {
            match self.current(AckToken::new(watermark.slot, watermark.generation, 0)) {
                Some(holding) if watermark.committed.offset >= holding.begun => {
                    holding.begun = watermark.committed.offset;
                    true
                }
                Some(_) => false,
                None => {
                    gone = true;
                    false
                }
            }
        });
        gone
    }

    /// This much is durable.
    pub(super) fn committed(&mut self, watermark: &Watermark) {
        if let Some(holding) = self.current(AckToken::new(watermark.slot, watermark.generation, 0)) {
            if holding.committed.as_ref().is_none_or(|before| watermark.committed.offset >= before.offset) {
                holding.committed = Some(watermark.committed.clone());
                holding.changes_committed = watermark.changes;
            }
            return;
        }
        // Of a log that has begun anew since, a commit that was repeated: the group's place is in the old one again.
        let is_it = |holding: &&mut Holding| {
            let Assignment { topic, partition, .. } = &holding.assignment;
            (topic, *partition) == (&watermark.topic, watermark.partition)
        };
        if let Some(holding) = self.slots.iter_mut().flatten().find(is_it) {
            holding.committed = None;
            holding.changes += 1;
        }
    }

    /// Where logs begin anew of which the group is not known to have the place.
    pub(super) fn untold_places(&self) -> Vec<Watermark> {
        let untold = self.held().filter(|holding| holding.committed.is_none());
        let slots: Vec<u32> = untold.map(|holding| holding.assignment.slot).collect();
        if slots.is_empty() { Vec::new() } else { self.uncommitted(Some(&slots)) }
    }

    /// These are asked back: nothing more of them is handed over.
    pub(super) fn revoke(&mut self, slots: &[u32], until: Instant) {
        for slot in slots {
            if let Some(holding) = self.slot_mut(*slot) {
                holding.revoking = true;
                holding.ready = 0;
                let told = holding.end.take().is_none();
                self.ends -= usize::from(!told);
            }
        }
        self.forget_ready(slots);
        let assignments = self.assignments(slots);
        if !assignments.is_empty() {
            self.changes.push(Change::Revoking { assignments, until });
        }
    }

    /// Whether every token of these is back.
    pub(super) fn are_back(&self, slots: &[u32]) -> bool {
        slots.iter().filter_map(|slot| self.slot(*slot)).all(|holding| holding.out == 0)
    }

    /// These are held no longer: their tokens are stale from now on.
    pub(super) fn let_go(&mut self, slots: &[u32]) {
        self.forget_ready(slots);
        for slot in slots {
            let holding = self.slots.get_mut(*slot as usize).and_then(Option::take);
            self.ends -= usize::from(holding.is_some_and(|holding| holding.end.is_some()));
        }
    }

    /// These were taken away, and may be another's already.
    pub(super) fn lose(&mut self, slots: &[u32]) {
        let assignments = self.assignments(slots);
        if !assignments.is_empty() {
            self.changes.push(Change::Lost(assignments));
        }
        self.let_go(slots);
    }

    /// Deliveries that were read and not handed over.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    fn forget_ready(&mut self, slots: &[u32]) {
        self.ready.retain(|delivery| !slots.contains(&delivery.token.slot()));
    }

    fn assignments(&self, slots: &[u32]) -> Vec<Assignment> {
        slots.iter().filter_map(|slot| self.slot(*slot)).map(|holding| holding.assignment.clone()).collect()
    }

    fn held(&self) -> impl Iterator<Item = &Holding> {
        self.slots.iter().flatten()
    }

    fn free_slot(&mut self) -> usize {
        self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        })
    }

    fn slot(&self, slot: u32) -> Option<&Holding> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Holding> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The partition a token is of, unless it is stale.
    fn current(&mut self, token: AckToken) -> Option<&mut Holding> {
        self.slot_mut(token.slot()).filter(|holding| holding.assignment.generation == token.generation())
    }
}

impl Committed {
    fn of(tracker: &OffsetTracker) -> Self {
        let offset = tracker.watermark();
        // The intake is held back before anything is left out.
        Self { offset, metadata: tracker.finished_beyond().encode(offset).text }
    }
}

/// No cluster has 2^32 partitions.
fn number(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
