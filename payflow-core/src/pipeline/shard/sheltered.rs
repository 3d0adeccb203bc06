//! What waits for a storm to pass.

use std::collections::VecDeque;

use crate::pipeline::lanes::{Class, EntryId};
use crate::pipeline::storm::Destination;

/// By destination, in the order they came. Entries that are gone stay named until they are skipped or
/// [forgotten](Self::retain).
#[derive(Debug, Default)]
pub(super) struct Sheltered {
    destinations: Vec<Queues>,
    len: usize,
}

#[derive(Debug, Default)]
struct Queues {
    /// Never attempted: they say most about the destination, and nothing is known against them.
    untried: VecDeque<EntryId>,
    tried: VecDeque<EntryId>,
}

impl Sheltered {
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, destination: Destination, id: EntryId, class: Class) {
        let index = destination.index();
        if self.destinations.len() <= index {
            self.destinations.resize_with(index + 1, Queues::default);
        }
        if let Some(queues) = self.destinations.get_mut(index) {
            match class {
                Class::First => queues.untried.push_back(id),
                Class::Again => queues.tried.push_back(id),
            }
            self.len += 1;
        }
    }

    /// The next to probe a destination with.
    pub(super) fn pop(&mut self, destination: Destination) -> Option<(EntryId, Class)> {
        let queues = self.destinations.get_mut(destination.index())?;
        let untried = queues.untried.pop_front().map(|id| (id, Class::First));
        let next = untried.or_else(|| Some((queues.tried.pop_front()?, Class::Again)))?;
        self.len -= 1;
        Some(next)
    }

    /// The destinations that something waits for.
    pub(super) fn destinations(&self) -> impl Iterator<Item = Destination> + use<> {
        let waiting = |queues: &Queues| !queues.untried.is_empty() || !queues.tried.is_empty();
        let awaited: Vec<_> = (0..)
            .zip(&self.destinations)
            .filter(|(_, queues)| waiting(queues))
            .map(|(index, _)| Destination::number(index))
            .collect();
        awaited.into_iter()
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(EntryId) -> bool) {
        self.len = 0;
        for queues in &mut self.destinations {
            queues.untried.retain(|id| keep(*id));
            queues.tried.retain(|id| keep(*id));
            self.len += queues.untried.len() + queues.tried.len();
        }
    }
}
