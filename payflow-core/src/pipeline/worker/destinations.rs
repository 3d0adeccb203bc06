//! Asks the handler where a delivery is bound for.

use std::panic::AssertUnwindSafe;

use crate::consumer::Delivery;
use crate::pipeline::storm::{Destination, StormWatch};

/// Knows the last name by heart: most handlers have one.
#[derive(Debug)]
pub(super) struct Destinations<N> {
    storms: StormWatch,
    name: N,
    last: Option<(&'static str, Destination)>,
}

impl<N: Fn(&Delivery) -> &'static str> Destinations<N> {
    pub(super) const fn new(storms: StormWatch, name: N) -> Self {
        Self { storms, name, last: None }
    }

    pub(super) fn of(&mut self, delivery: &Delivery) -> Destination {
        let name = &self.name;
        // The handler's code: a panic of it is not to end the worker. One destination for all is what it gets then.
        let name = std::panic::catch_unwind(AssertUnwindSafe(|| name(delivery))).unwrap_or("unnamed");
        match self.last {
            Some((last, destination)) if std::ptr::eq(last, name) => destination,
            _ => {
                let destination = self.storms.destination(name);
                self.last = Some((name, destination));
                destination
            }
        }
    }
}
