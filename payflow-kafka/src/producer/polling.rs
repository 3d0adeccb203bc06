//! The thread that serves librdkafka's events, and the one that looks for a broker while none is known.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, Producer as _};
use tracing::{debug, error};

use super::context::Context;
use crate::health::KafkaHealth;
use crate::native::reach_broker;

/// Ends the threads when dropped, without waiting for them.
pub(super) struct Polling {
    stop: Arc<AtomicBool>,
}

impl Polling {
    /// Starts to poll.
    pub(super) fn start(client: Arc<BaseProducer<Context>>, health: KafkaHealth) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let poller =
            Poller { client, health, stop: Arc::clone(&stop), looking: Arc::new(AtomicBool::new(false)) };
        Builder::new().name("payflow-kafka-producer".to_owned()).spawn(move || poller.run())?;
        Ok(Self { stop })
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

struct Poller {
    client: Arc<BaseProducer<Context>>,
    health: KafkaHealth,
    stop: Arc<AtomicBool>,
    /// Whether a thread is looking for a broker.
    looking: Arc<AtomicBool>,
}

impl Poller {
    fn run(self) {
        // Nothing can be added once it is to stop, and what is queued is decided by its timeout.
        while !self.stop.load(Ordering::Acquire) || self.client.in_flight_count() > 0 {
            if !self.health.has_ended() {
                self.look_after_client();
            }
            // Serves each event as it comes; the time is only how long it goes on before it looks up here.
            self.client.poll(TURN);
        }
        debug!("producer ended");
    }

    fn look_after_client(&self) {
        // Not every fatal error comes as an event of its own.
        if let Some((code, reason)) = self.client.client().fatal_error() {
            error!(%code, reason, "this producer can write no more: a new one is needed");
            self.health.end();
        } else if !self.health.is_connected() {
            self.look_for_broker();
        }
    }

    /// Asks for a broker on a thread of its own: the question blocks, and reports must not wait for it.
    fn look_for_broker(&self) {
        if self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let client = Arc::clone(&self.client);
        let (health, stop, looking) =
            (self.health.clone(), Arc::clone(&self.stop), Arc::clone(&self.looking));
        let spawned = Builder::new().name("payflow-kafka-health".to_owned()).spawn(move || {
            while !stop.load(Ordering::Acquire) && !health.is_connected() && !health.has_ended() {
                let (asked, seen) = (Instant::now(), health.seen());
                match reach_broker(client.client(), ASK) {
                    Ok(()) => health.connected_as_of(seen),
                    // It may fail at once.
                    Err(_) => thread::sleep(ASK.saturating_sub(asked.elapsed())),
                }
            }
            looking.store(false, Ordering::Release);
        });
        if spawned.is_err() {
            self.looking.store(false, Ordering::Release);
        }
    }
}

/// How long an idle producer's thread outlives it, and a lost connection goes unasked about.
const TURN: Duration = Duration::from_millis(100);
/// How long one question for a broker may take, and how often it is asked.
const ASK: Duration = Duration::from_secs(1);
