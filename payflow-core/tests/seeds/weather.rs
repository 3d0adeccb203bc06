//! Which destinations are down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::work::DESTINATIONS;

/// Shared by all handlers of a world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather(Arc<[AtomicBool; DESTINATIONS.len()]>);

impl Weather {
    pub(crate) fn set_down(&self, destination: usize, down: bool) {
        self.0[destination].store(down, Ordering::Relaxed);
    }

    pub(crate) fn is_down(&self, destination: usize) -> bool {
        self.0[destination].load(Ordering::Relaxed)
    }
}
