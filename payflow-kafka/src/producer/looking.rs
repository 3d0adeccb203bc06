//! The thread that looks for a broker while none is known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use super::client::Client;
use crate::health::KafkaHealth;

/// Looks on behalf of one client.
#[derive(Clone)]
pub(super) struct Looking {
    /// Kept alive by a question alone: who waits for the client's end to let it go would keep it from ending, as librdkafka
    /// goes on to tell of brokers that are gone, and nobody serves that any more.
    client: Weak<Client>,
    health: KafkaHealth,
    /// How long one question may take, and how often it is asked.
    question: Duration,
    /// Whether the thread runs.
    runs: Arc<AtomicBool>,
}

impl Looking {
    pub(super) fn new(client: &Arc<Client>, health: KafkaHealth, question: Duration) -> Self {
        Self { client: Arc::downgrade(client), health, question, runs: Arc::new(AtomicBool::new(false)) }
    }

    /// Asks for a broker until one answers, on a thread of its own: the question blocks, and reports must not wait for it.
    pub(super) fn start(&self) {
        if self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let looking = self.clone();
        let spawned = Builder::new().name("payflow-kafka-health".to_owned()).spawn(move || {
            looking.look();
            looking.runs.store(false, Ordering::Release);
        });
        if spawned.is_err() {
            self.runs.store(false, Ordering::Release);
        }
    }

    fn look(&self) {
        while !self.health.is_connected() && !self.health.has_ended() {
            let (asked, seen) = (Instant::now(), self.health.seen());
            let Some(client) = self.client.upgrade() else { return };
            let takes_records = client.gives_up().is_none();
            let answered = client.reach_broker(self.question);
            if answered {
                client.met_broker(seen);
                if !takes_records {
                    // All that it was given came before this answer, and there is nothing more to learn of it.
                    return;
                }
            }
            // It may be the last to have it, and ends it then. Nobody waits for this thread.
            drop(client);
            if !answered {
                // The question may fail at once.
                thread::sleep(self.question.saturating_sub(asked.elapsed()));
            }
        }
    }
}
