//! The thread that serves a client until it has ended.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tracing::{debug, error, warn};

use super::client::Client;
use super::clock::{Clock, SERVE};
use super::late::{Late, Step};
use super::line::{Line, Patience};
use super::looking::Looking;
use crate::health::KafkaHealth;

/// Serves a client of `line` until it has ended.
pub(super) fn start(
    client: Arc<Client>,
    line: Weak<Line>,
    health: KafkaHealth,
    patience: Patience,
) -> io::Result<()> {
    let looking = Looking::new(&client, health.clone(), patience.question());
    let poller = Poller { client, line, health, turn: patience.turn(), looking };
    Builder::new().name("payflow-kafka-producer".to_owned()).spawn(move || poller.run())?;
    Ok(())
}

struct Poller {
    client: Arc<Client>,
    line: Weak<Line>,
    health: KafkaHealth,
    turn: Duration,
    looking: Looking,
}

impl Poller {
    fn run(self) {
        self.serve_until_retired();
        self.serve_until_ended();
        debug!("producer's client ended");
    }

    fn serve_until_retired(&self) {
        let mut clock = Clock::new(self.turn, Instant::now());
        let mut late = Late::default();
        let mut has_warned = false;
        while self.client.gives_up().is_none() {
            if !self.health.has_ended() {
                self.look_after_client();
            }
            if clock.turn_is_over(Instant::now()) {
                match late.step(self.client.ages().turn(), self.client.fatal().is_some()) {
                    Step::GoOn => {}
                    Step::Succeed => self.succeed(&mut has_warned),
                    Step::GiveUpWhatWaits => self.client.give_up_what_waits(),
                    Step::GiveUpAll => self.client.give_up_all(),
                }
            }
            self.client.serve(clock.serves(Instant::now()));
        }
    }

    fn succeed(&self, has_warned: &mut bool) {
        // Without a line its end has come: it is being dropped, and retires the client.
        let Some(line) = self.line.upgrade() else { return };
        if let Err(refused) = line.succeed(&self.client)
            && !std::mem::replace(has_warned, true)
        {
            let cause = refused.chain();
            warn!(cause, "records take too long, and no new client can be made: trying again");
        }
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
            self.looking.start();
        }
    }
}

/// Between giving up what waits and what is under way: longer than librdkafka's threads take to do it, and shorter than
/// they wait before they repeat what has failed in between (`retry.backoff.ms`, 80 ms at least).
const BETWEEN: Duration = Duration::from_millis(10);
