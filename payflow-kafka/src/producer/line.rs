//! Which client takes records, and when another one takes over.
//!
//! librdkafka must never give a record up by itself. It takes a new producer epoch then, under which it sends anew what
//! waits to be repeated, of any partition: what a broker had appended already would be appended twice. So its own timeout
//! is out of reach, and a client with a record that is undecided for too long takes no more: what others wait for in it
//! may still be decided for a while, then the rest is given up, and nothing that it held is ever sent again.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use payflow_core::Error;
use rdkafka::ClientConfig;
use tracing::debug;

use super::ages::TURNS;
use super::client::Client;
use super::polling;
use crate::error;
use crate::health::KafkaHealth;

/// The clients of one producer, one after the other.
pub(super) struct Line {
    settings: ClientConfig,
    health: KafkaHealth,
    patience: Patience,
    taking: RwLock<Taking>,
}

/// How long a record may be undecided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until it is given up.
    whole: Duration,
    /// That much of it is left when another client takes over: what is well is decided in it.
    grace: Duration,
}

impl Patience {
    pub(super) fn of(whole: Duration) -> Self {
        Self { whole, grace: whole / 8 }
    }

    /// One turn of the clock of [`Ages`](super::ages::Ages).
    pub(super) fn turn(self) -> Duration {
        (self.whole - self.grace) / TURNS as u32
    }

    /// How long one question for a broker may take, and how often it is asked. Not longer than a record would wait for the
    /// answer: a client that is done is kept until then.
    pub(super) fn question(self) -> Duration {
        QUESTION_MAX.min(self.whole)
    }
}

/// The client that takes records.
pub(super) struct Taking {
    pub(super) client: Arc<Client>,
    /// Which of them it is. Only records of one client keep their order before they are decided.
    pub(super) generation: u64,
}

impl Line {
    pub(super) fn start(
        settings: ClientConfig,
        health: KafkaHealth,
        whole: Duration,
    ) -> Result<Arc<Self>, Error> {
        let client = Client::new(&settings, &health).map_err(|refused| error::create(CREATE, refused))?;
        let taking = RwLock::new(Taking { client: Arc::clone(&client), generation: 0 });
        let line = Arc::new(Self { settings, health, patience: Patience::of(whole), taking });
        line.serve(client)?;
        Ok(line)
    }

    /// The client that takes records now, and does so while this is held: for a moment, never across an await.
    pub(super) fn taking(&self) -> RwLockReadGuard<'_, Taking> {
        self.taking.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a new client take records from now on, and gives those who wait for `old` the rest of their time. If there can
    /// be none, or `old` failed for good, all stays as it is.
    pub(super) fn succeed(self: &Arc<Self>, old: &Client) -> Result<(), Error> {
        let client =
            Client::new(&self.settings, &self.health).map_err(|refused| error::create(CREATE, refused))?;
        self.serve(Arc::clone(&client))?;
        let mut taking = self.taking.write().unwrap_or_else(PoisonError::into_inner);
        // A send may have been told of that already, and none may succeed after it. None is being handed over now.
        if old.fatal().is_some() {
            client.retire(Instant::now());
            return Ok(());
        }
        // After its last record, and before the loss: an answer to it from now on is no connection.
        old.retire(Instant::now() + self.patience.grace);
        // Before its first record: it has met no broker.
        self.health.set_connected(false);
        let generation = taking.generation.wrapping_add(1);
        *taking = Taking { client, generation };
        drop(taking);
        debug!(generation, "another client takes over: a record was undecided for too long");
        Ok(())
    }

    fn serve(self: &Arc<Self>, client: Arc<Client>) -> Result<(), Error> {
        polling::start(client, Arc::downgrade(self), self.health.clone(), self.patience)
            .map_err(|refused| Error::transient(CREATE).because(refused))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let gives_up = Instant::now() + self.patience.whole;
        self.taking.get_mut().unwrap_or_else(PoisonError::into_inner).client.retire(gives_up);
    }
}

const QUESTION_MAX: Duration = Duration::from_secs(1);

pub(super) const CREATE: &str = "create producer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_and_grace_are_within_what_a_record_has() {
        for whole in [Duration::from_millis(437), Duration::from_secs(7), Duration::from_secs(3_600)] {
            let patience = Patience::of(whole);
            let ages = patience.turn() * TURNS as u32;
            assert!(ages + patience.grace <= whole);
            // The clock tells of a record when all of its turns are over, or all but one.
            assert!(ages - patience.turn() >= whole * 4 / 5);
        }
    }
}
