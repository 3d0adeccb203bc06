//! What a shard does in a storm: shelter, probe, go on.

use std::time::Instant;

use super::attempt::Failure;
use super::{Shard, lanes};
use crate::pipeline::lanes::{Class, EntryId};
use crate::pipeline::storm::{Destination, Probed};

impl Shard {
    /// The next of a class that is ready and that no storm keeps from starting. What one does is sheltered.
    pub(super) fn start_ready(&mut self, class: Class) -> Option<EntryId> {
        loop {
            let id = self.lanes.start(class)?;
            let state = &mut self.lanes.get_mut(id)?.state;
            if !self.storms.is_on(state.destination) || !state.waits_for_weather() {
                return Some(id);
            }
            self.shelter(id, None);
        }
    }

    /// A started one waits for the storm at its destination to pass.
    pub(super) fn shelter(&mut self, id: EntryId, failure: Option<Box<Failure>>) {
        self.lanes.park(id);
        let Some(entry) = self.lanes.get_mut(id) else {
            return;
        };
        let state = &mut entry.state;
        state.forget_due();
        if failure.is_some() {
            state.history().last = failure;
        }
        self.sheltered.push(state.destination, id, state.class_again());
    }

    /// Starts one as a probe, if it is time and this shard has one. Probes are of the class that is bounded.
    pub(super) fn start_probe(&mut self, class: Class, now: Instant) -> Option<EntryId> {
        if class != Class::Again || self.sheltered.is_empty() {
            return None;
        }
        self.sheltered.destinations().find_map(|destination| self.probe(destination, now))
    }

    pub(super) fn probe_is_due(&self, now: Instant) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// When a probe that this shard has may start.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        if self.sheltered.is_empty() {
            return None;
        }
        self.sheltered.destinations().filter_map(|destination| self.storms.probe_at(destination)).min()
    }

    /// If it was a probe, that ended so.
    pub(super) fn end_probe(&mut self, id: EntryId, probed: Probed, now: Instant) {
        if let Some(entry) = self.lanes.get_mut(id)
            && std::mem::take(&mut entry.state.probes)
        {
            let destination = entry.state.destination;
            self.probed(destination, probed, now);
        }
    }

    pub(super) fn probed(&mut self, destination: Destination, probed: Probed, now: Instant) {
        self.storms.probed(destination, probed, now);
        self.weather_changed = true;
    }

    /// What waited for a storm that is over may start.
    pub(super) fn leave_shelter(&mut self) {
        for destination in self.sheltered.destinations() {
            if self.storms.is_on(destination) {
                continue;
            }
            while let Some((id, class)) = self.sheltered.pop(destination) {
                if self.lanes.get(id).is_some_and(lanes::Entry::is_parked) {
                    self.lanes.wake(id, class);
                }
            }
        }
    }

    fn probe(&mut self, destination: Destination, now: Instant) -> Option<EntryId> {
        if self.storms.probe_at(destination).is_none_or(|at| at > now) {
            return None;
        }
        // Only one that there is takes the probe: another shard may have none.
        let id = loop {
            let (id, _) = self.sheltered.pop(destination)?;
            if self.lanes.get(id).is_some_and(lanes::Entry::is_parked) {
                break id;
            }
        };
        if !self.storms.take_probe(destination, now) {
            // Another shard was faster.
            self.shelter_again(id);
            return None;
        }
        self.lanes.start_parked(id);
        self.lanes.get_mut(id)?.state.probes = true;
        Some(id)
    }

    fn shelter_again(&mut self, id: EntryId) {
        if let Some(state) = self.lanes.get(id).map(|entry| &entry.state) {
            self.sheltered.push(state.destination, id, state.class_again());
        }
    }
}
