//! What holds after every step.

use std::collections::BTreeSet;

use super::{GROUP, World};
use crate::memory::cluster::Place;

impl World {
    pub(super) fn check(&mut self) {
        self.cluster.advance(self.now);
        self.cluster.check_owners(GROUP);
        let now = self.now;
        for (id, seen) in &self.members {
            let told = self.cluster.is_joined(*id) && !self.cluster.has_news(*id);
            for ((slot, generation), holding) in seen.holdings.iter().filter(|_| told) {
                let holds = self.cluster.holds(*id, *slot, *generation);
                assert_eq!(holds, !holding.is_gone(now), "{id:?} {slot}/{generation}");
            }
        }
        for place in self.places() {
            let committed = self.committed(&place);
            let before = self.committed.insert(place.clone(), committed).unwrap_or(0);
            assert!(committed >= before, "{place:?} went back from {before} to {committed}");
            let never = BTreeSet::new();
            let finished = self.finished.get(&place).unwrap_or(&never);
            let is_done = |offset: &i64| finished.contains(offset) || self.is_absent(&place, *offset);
            let unfinished = (0..committed).find(|offset| !is_done(offset));
            assert_eq!(unfinished, None, "{place:?} is committed to {committed}");
            let unfinished = self.known(&place).into_iter().find(|offset| !is_done(offset));
            assert_eq!(unfinished, None, "{place:?} is said to have finished it");
        }
    }

    pub(super) fn committed(&self, place: &Place) -> i64 {
        let committed = self.cluster.committed(GROUP, &place.topic, place.partition);
        committed.map_or(0, |committed| committed.offset)
    }

    /// What the group remembers of a partition beyond what is committed.
    pub(super) fn known(&self, place: &Place) -> BTreeSet<i64> {
        let committed = self.cluster.committed(GROUP, &place.topic, place.partition);
        let beyond = committed.and_then(|committed| committed.finished_beyond().ok());
        beyond.iter().flat_map(|beyond| beyond.ranges().iter().cloned().flatten()).collect()
    }
}
