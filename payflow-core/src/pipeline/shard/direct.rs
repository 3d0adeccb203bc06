//! What is started as it comes: most lanes are idle, and most messages end at once.

use std::sync::Arc;
use std::time::Instant;

use super::attempt::{Outcome, State};
use super::{Shard, lanes};
use crate::consumer::Delivery;
use crate::pipeline::lanes::{EntryId, Routed};
use crate::pipeline::storm::Destination;

/// A delivery that was started without an entry.
#[derive(Debug)]
pub(in crate::pipeline) struct Direct {
    lane: lanes::Direct,
    destination: Destination,
}

impl Direct {
    pub(in crate::pipeline) const fn delivery(&self) -> &Arc<Delivery> {
        self.lane.delivery()
    }
}

impl Shard {
    /// The delivery to start now, for its first attempt, if its lane is idle; it waits its turn otherwise. Either it
    /// [ends](Self::ended_directly) or it is [taken in](Self::enter) before anything else is asked of the shard.
    // Always: for each message, from one place, and the compiler is of two minds about it. Since when it is there is read if it waits.
    #[inline(always)]
    pub(in crate::pipeline) fn deliver_or_start(
        &mut self,
        routed: Routed,
        destination: Destination,
        since: &Instant,
    ) -> Option<Direct> {
        if let Some(lane) = self.lanes.lane_of(&routed) {
            self.deliver_into(Some(lane), routed, destination, *since);
            return None;
        }
        if self.paused || self.storms.is_any_on() {
            self.deliver_into(None, routed, destination, *since);
            return None;
        }
        Some(Direct { lane: lanes::Direct::new(routed), destination })
    }

    /// What was started directly did not end at once: its future sits in `seat`. It is there since then; its [time](Self::times)
    /// does not run yet.
    #[inline]
    pub(in crate::pipeline) fn enter(&mut self, direct: Direct, seat: usize, since: Instant) -> EntryId {
        let mut state = State::new(direct.destination);
        state.seat = Some(seat);
        state.turn = self.deadlines.begin();
        self.lanes.enter(direct.lane, state, since)
    }

    /// What was started directly, and is there since then, ended at once.
    pub(in crate::pipeline) fn ended_directly(
        &mut self,
        direct: Direct,
        outcome: Outcome,
        since: Instant,
        now: Instant,
    ) {
        match outcome {
            Outcome::Handled => self.handled_directly(direct),
            Outcome::Skipped => {
                self.settled.counts.skipped += 1;
                self.settled.finish(direct.lane.into_delivery());
            }
            unfinished => {
                let id = self.lanes.enter(direct.lane, State::new(direct.destination), since);
                self.ended(id, unfinished, now);
            }
        }
    }

    /// What was started directly was handled at once.
    // Always: for each message.
    #[inline(always)]
    pub(in crate::pipeline) fn handled_directly(&mut self, direct: Direct) {
        let Direct { lane, destination } = direct;
        self.settled.counts.handled += 1;
        self.count_success(destination);
        self.settled.finish(lane.into_delivery());
    }

    #[inline]
    pub(super) fn count_success(&mut self, destination: Destination) {
        match self.successes.get_mut(destination.index()) {
            Some(attempts) => *attempts += 1,
            None => self.count_first_success(destination),
        }
    }

    #[cold]
    fn count_first_success(&mut self, destination: Destination) {
        self.successes.resize(destination.index(), 0);
        self.successes.push(1);
    }
}
