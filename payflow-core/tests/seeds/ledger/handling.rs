//! What becomes of a record: begun, ended, dead-lettered.

use std::time::Duration;

use payflow_core::AckToken;
use tokio::time::Instant;

use super::{Attempt, Book, Lane, Member, Owner, Place, ViewState};
use crate::plan::STORM_RUN;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Handled,
    Failed,
    /// It failed, and this uses up no attempt.
    Held,
    /// It panicked, or its future was dropped.
    Dropped,
}

impl Book {
    /// An attempt begins; says how many calls of the handler the record has had before, by anybody.
    pub(crate) fn begins(&mut self, member: usize, token: AckToken, place: Place, attempt: u32) -> usize {
        let (partition, offset) = place;
        self.say(format_args!("m{member} begins {partition}@{offset}, attempt {attempt}"));
        self.check_may_begin(member, token, place);
        let storms = self.members.get(&member).is_some_and(|state| state.failures >= STORM_RUN);
        // A storm takes back what was about to be dead-lettered.
        if attempt as usize > self.attempts_max && !storms {
            self.violated(format!("attempt {attempt} at {partition}@{offset}"));
        }
        let owned = self.owns(member, token, partition);
        if !owned {
            self.hit("begun by one that lost it");
        }
        let Some(entry) = self.records.get_mut(&place) else {
            self.violated(format!("{partition}@{offset} begins, and was handed to nobody"));
            return 0;
        };
        let calls = entry.calls;
        entry.calls += 1;
        let lane = entry.lane.clone();
        if let Some(by) = entry.settled {
            let excused = entry.may_repeat || !owned;
            if owned {
                (entry.settled, entry.may_repeat) = (None, false);
            }
            self.hit("repetition");
            if !excused {
                self.violated(format!(
                    "{partition}@{offset} begins again: m{by} finished it, and lost nothing"
                ));
            }
        }
        self.check_order(place, &lane);
        self.check_order_here(member, token, place, &lane);
        self.check_alone(member, token, place, &lane);
        if let Some(state) = self.members.get_mut(&member) {
            state.running.insert(token, Attempt { place, lane, began: Instant::now() });
            let running = state.running.len();
            if running > self.concurrency {
                self.violated(format!("m{member} runs {running} handlers at once"));
            }
        }
        calls
    }

    /// An attempt ended.
    pub(crate) fn ends(&mut self, member: usize, token: AckToken, place: Place, ended: Ended) {
        self.say(format_args!("m{member} ends {}@{}: {ended:?}", place.0, place.1));
        let mut lasted = Duration::ZERO;
        if let Some(state) = self.members.get_mut(&member) {
            lasted = state.running.remove(&token).map_or(lasted, |attempt| attempt.began.elapsed());
            let failures = usize::from(matches!(ended, Ended::Failed | Ended::Dropped));
            state.failures += failures;
            if let Some(held) = state.held.get_mut(&token) {
                held.failures += failures;
            }
        }
        // Timers go by whole milliseconds.
        if lasted > self.handler_timeout + Duration::from_millis(2) {
            self.violated(format!("{}@{} has run for {lasted:?}", place.0, place.1));
        }
        if ended == Ended::Handled {
            self.settle(member, place, Some(token));
        }
    }

    /// A dead letter is durable.
    pub(crate) fn dead_lettered(&mut self, member: usize, place: Place, fault: &str, stage: &str) {
        let (partition, offset) = place;
        self.say(format_args!("m{member} dead-letters {partition}@{offset}: {stage}, {fault}"));
        let held = self.members.get(&member).and_then(|state| {
            let held = state.held.iter().filter(|(_, held)| held.place == place);
            held.max_by_key(|(token, _)| token.generation()).map(|(token, held)| (*token, held.failures))
        });
        let Some((token, failures)) = held else {
            self.violated(format!("m{member} dead-letters {partition}@{offset}, which it does not hold"));
            return;
        };
        let owned = self.owns(member, token, partition);
        let Some(entry) = self.records.get(&place) else { return };
        let repeated = entry.settled.is_some() && owned && !entry.may_repeat;
        let due = match (stage, fault) {
            ("decode", _) => !entry.decodes,
            ("lane full", _) | (_, "permanent" | "fatal") => failures >= 1,
            _ => failures >= self.attempts_max,
        };
        let stages = ["decode", "handler", "timeout", "panic", "lane full"];
        match stages.into_iter().find(|known| *known == stage) {
            Some(known) => self.hit(known),
            None => self.violated(format!("{partition}@{offset} is dead-lettered at stage {stage}")),
        }
        if repeated {
            self.violated(format!("{partition}@{offset} is dead-lettered though it was finished"));
        }
        if !due {
            self.violated(format!(
                "{partition}@{offset} is dead-lettered after {failures} failures: {stage}"
            ));
        }
        self.settle(member, place, Some(token));
    }

    /// The record is handled, skipped or dead-lettered.
    pub(super) fn settle(&mut self, member: usize, place: Place, token: Option<AckToken>) {
        let owned = token.is_some_and(|token| self.owns(member, token, place.0));
        if let Some(held) = token.and_then(|token| self.members.get_mut(&member)?.held.get_mut(&token)) {
            held.done = true;
        }
        let Some(entry) = self.records.get_mut(&place) else { return };
        entry.finished = true;
        if owned {
            (entry.settled, entry.may_repeat) = (Some(member), false);
        } else if entry.settled.is_none() {
            // What one finishes that has lost the partition is not committed.
            (entry.settled, entry.may_repeat) = (Some(member), true);
        }
    }

    /// Nothing begins after the member knows that it is not to.
    fn check_may_begin(&mut self, member: usize, token: AckToken, (partition, offset): Place) {
        let Some(state) = self.members.get(&member) else { return };
        let view = state.views.get(&(token.slot(), token.generation())).map(|view| view.state);
        let why = if state.gone {
            "left"
        } else if state.stopping {
            "was stopped"
        } else if state.paused_at.is_some_and(|at| at < Instant::now()) {
            "was paused"
        } else if !matches!(view, Some(ViewState::Ours | ViewState::Taken)) {
            "was told to give it back"
        } else {
            return;
        };
        self.violated(format!("{partition}@{offset} begins, and m{member} {why}"));
    }

    /// All before it in its lane are finished.
    fn check_order(&mut self, place: Place, lane: &Lane) {
        if lane.is_none() {
            return;
        }
        let before = self.records.range((place.0, 0)..place).find(|(_, entry)| {
            // When a tombstone was passed over is not to be seen.
            entry.lane == *lane && !entry.finished && !entry.tombstone
        });
        if let Some(((partition, before), _)) = before {
            let what =
                format!("{partition}@{} begins before {partition}@{before} of its lane is finished", place.1);
            self.violated(what);
        }
    }

    /// All before it in its lane that this member was handed too, under the same assignment, are done by it, whatever others did.
    fn check_order_here(&mut self, member: usize, token: AckToken, place: Place, lane: &Lane) {
        let Some(state) = self.members.get(&member).filter(|_| lane.is_some()) else { return };
        let first = AckToken::new(token.slot(), token.generation(), i64::MIN);
        let before = state.held.range(first..token).find(|(_, held)| {
            let entry = self.records.get(&held.place);
            !held.done && entry.is_some_and(|entry| entry.lane == *lane && !entry.tombstone)
        });
        if let Some((_, held)) = before {
            let (partition, before) = held.place;
            self.violated(format!(
                "{partition}@{} begins at m{member} before @{before} of its lane, which it was handed before",
                place.1
            ));
        }
    }

    /// No other of its lane runs, save between one that has lost it and does not know yet, and the next.
    fn check_alone(&mut self, member: usize, token: AckToken, place: Place, lane: &Lane) {
        let ghost = |state: &Member, token: AckToken| {
            let view = state.views.get(&(token.slot(), token.generation())).map(|view| view.state);
            state.unaware || matches!(view, Some(ViewState::Taken | ViewState::Lost))
        };
        let is_ghost = self.members.get(&member).is_some_and(|state| ghost(state, token));
        let beside = self.members.iter().filter(|(_, state)| !state.gone).find_map(|(other, state)| {
            let running = state.running.iter().find(|(token, attempt)| {
                let same = if lane.is_some() { attempt.lane == *lane } else { attempt.place == place };
                // What waits for nobody may come to another shard of the same member after a loss.
                let here = *other == member && lane.is_some();
                same && (here || !(is_ghost || ghost(state, **token)))
            });
            running.map(|(_, attempt)| (*other, attempt.place))
        });
        if let Some((other, (partition, offset))) = beside {
            self.violated(format!(
                "m{member} begins {}@{} while m{other} runs {partition}@{offset} of its lane",
                place.0, place.1
            ));
        }
    }

    fn owns(&self, member: usize, token: AckToken, partition: i32) -> bool {
        let owner = Owner { member, slot: token.slot(), generation: token.generation() };
        let aware = self.members.get(&member).is_some_and(|state| !state.unaware && !state.gone);
        aware && self.owners.get(&partition) == Some(&owner)
    }
}
