//! The thread that serves a client until it has ended, and the one that looks for a broker while none is known.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use tracing::{debug, error, warn};

use super::client::Client;
use super::line::Line;
use crate::health::KafkaHealth;

/// Serves a client of `line` until it has ended. A `turn` is that of the clock by which its records grow old.
pub(super) fn start(
    client: Arc<Client>,
    line: Weak<Line>,
    health: KafkaHealth,
    turn: Duration,
) -> io::Result<()> {
    let looking = Arc::new(AtomicBool::new(false));
    let poller = Poller { client, line, health, turn, looking };
    Builder::new().name("payflow-kafka-producer".to_owned()).spawn(move || poller.run())?;
    Ok(())
}

struct Poller {
    client: Arc<Client>,
    line: Weak<Line>,
    health: KafkaHealth,
    turn: Duration,
    /// Whether a thread is looking for a broker.
    looking: Arc<AtomicBool>,
}

impl Poller {
    fn run(self) {
        self.serve_until_retired();
        self.serve_until_ended();
        debug!("producer's client ended");
    }

    fn serve_until_retired(&self) {
        let mut turned = Instant::now();
        let mut has_warned = false;
        while self.client.gives_up().is_none() {
            if !self.health.has_ended() {
                self.look_after_client();
            }
            if turned.elapsed() >= self.turn {
                turned = Instant::now();
                if !self.client.ages().turn()
                    && let Err(refused) = self.succeed()
                    && !std::mem::replace(&mut has_warned, true)
                {
                    let cause = refused.chain();
                    warn!(cause, "records take too long, and no new client can be made: trying again");
                }
            }
            self.client.serve(SERVE.min(self.turn));
        }
    }

    fn succeed(&self) -> Result<(), payflow_core::Error> {
        // Without a line its end has come: it is being dropped, and retires the client.
        self.line.upgrade().map_or(Ok(()), |line| line.succeed(&self.client))
    }

    fn serve_until_ended(&self) {
        let mut gave_up_what_waits = false;
        while !self.client.has_ended() {
            let left = self.client.gives_up().map_or(Duration::ZERO, |at| at.duration_since(Instant::now()));
            if !left.is_zero() {
                self.client.serve(SERVE.min(left));
            } else if !std::mem::replace(&mut gave_up_what_waits, true) {
                self.client.give_up_what_waits();
                self.client.serve(BETWEEN);
            } else {
                self.client.give_up_all();
                self.client.serve(BETWEEN);
            }
        }
    }

    fn look_after_client(&self) {
        // Not every fatal error comes as an event of its own.
        if let Some((code, reason)) = self.client.fatal() {
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
        let (client, health, looking) =
            (Arc::clone(&self.client), self.health.clone(), Arc::clone(&self.looking));
        let spawned = Builder::new().name("payflow-kafka-health".to_owned()).spawn(move || {
            while !client.has_ended() && !health.is_connected() && !health.has_ended() {
                let (asked, seen) = (Instant::now(), health.seen());
                if client.reach_broker(ASK) {
                    health.connected_as_of(seen);
                } else {
                    // It may fail at once.
                    thread::sleep(ASK.saturating_sub(asked.elapsed()));
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
const SERVE: Duration = Duration::from_millis(100);
/// How long one question for a broker may take, and how often it is asked.
const ASK: Duration = Duration::from_secs(1);
/// Between giving up what waits and what is under way: longer than librdkafka's threads take to do it, and shorter than
/// they wait before they repeat what has failed in between (`retry.backoff.ms`, 80 ms at least).
const BETWEEN: Duration = Duration::from_millis(10);
