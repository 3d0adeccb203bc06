//! What payflow promises, on a real Kafka, with processes that are really killed and brokers that are really stopped.

mod brokers;
mod changes;
mod churn;
mod clients;
mod cluster;
mod downstream;
mod forms;
mod front_door;
mod half_open;
mod interop;
mod kills;
mod load;
mod order;
mod outage;
mod outcomes;
mod partitions;
mod pipeline;
mod poison;
mod process;
mod proxy;
mod restarts;
mod run;
mod seen;
mod slow;
mod stops;
mod stuck;
mod taking_over;
mod zombies;

#[path = "../../../interop/go.rs"]
mod go;
#[path = "../../../interop/recorded.rs"]
mod recorded;

use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Looks until there is something to see.
#[track_caller]
fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(look).unwrap_or_else(|| panic!("still no {what} after {PATIENCE:?}"))
}

/// The same; `None` when the patience is at an end.
fn look_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let seen = look();
        if seen.is_some() {
            return seen;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    None
}
