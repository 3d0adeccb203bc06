//! One librdkafka client of a producer, from its first record to its last.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use payflow_core::Record;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _, PurgeConfig};

use super::ages::Ages;
use super::context::Context;
use super::encode;
use super::pending::{Decided, Failure, Pending};
use super::queue::Place;
use super::sends::Epoch;
use crate::error::code_of;
use crate::health::{KafkaHealth, Seen};
use crate::native::{Persisted, reach_broker};

/// Takes records until it is retired, and ends when all of them are decided.
pub(super) struct Client {
    native: BaseProducer<Context>,
    /// When what is undecided by then is given up; known once it is retired.
    gives_up: OnceLock<Instant>,
}

impl Client {
    pub(super) fn new(settings: &ClientConfig, health: &KafkaHealth) -> Result<Arc<Self>, KafkaError> {
        let native = BaseProducer::from_config_and_context(settings, Context::new(health.clone()))?;
        let client = Arc::new(Self { native, gives_up: OnceLock::new() });
        client.native.context().know(&client);
        Ok(client)
    }

    /// Hands a record to librdkafka, which decides it later. Not for a client that is retired.
    pub(super) fn send(
        &self,
        record: &Record,
        place: Place,
        epoch: Arc<Epoch>,
    ) -> Result<Decided, Box<Failure>> {
        let turn = self.ages().enter();
        let pending = Pending::new(self.native.context().health.seen(), turn, place, epoch);
        match self.native.send(encode::base_record(record, Arc::clone(&pending))) {
            Ok(()) => Ok(Decided(pending)),
            Err((refused, _)) => {
                self.ages().leave(turn);
                let code = code_of(&refused);
                Err(Box::new(Failure { code, persisted: Persisted::No, fatal: self.fatal() }))
            }
        }
    }

    pub(super) fn ages(&self) -> &Ages {
        &self.native.context().ages
    }

    /// Nothing is sent by it any more; what is undecided at that time is given up. The first call counts.
    pub(super) fn retire(&self, gives_up: Instant) {
        // Nothing is wrong if it was retired before.
        let _ = self.gives_up.set(gives_up);
    }

    /// When it gives up, if it is retired.
    pub(super) fn gives_up(&self) -> Option<Instant> {
        self.gives_up.get().copied()
    }

    /// Whether it takes no more and all is decided.
    pub(super) fn has_ended(&self) -> bool {
        self.gives_up().is_some() && self.native.in_flight_count() == 0
    }

    /// Serves librdkafka's events as they come, for so long.
    pub(super) fn serve(&self, time: Duration) {
        self.native.poll(time);
    }

    /// Gives up what waits to be sent, at first or again.
    pub(super) fn give_up_what_waits(&self) {
        self.native.purge(PurgeConfig::default().queue().non_blocking());
    }

    /// Gives up everything. Not before what waits was given up: for what is given up under way librdkafka takes a new
    /// producer epoch, under which it would send again what waits.
    pub(super) fn give_up_all(&self) {
        self.native.purge(PurgeConfig::default().queue().inflight().non_blocking());
    }

    /// Why it can send no more, if so.
    pub(super) fn fatal(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.native.client().fatal_error()
    }

    /// Asks for a broker, and waits for its answer so long.
    pub(super) fn reach_broker(&self, time: Duration) -> bool {
        reach_broker(self.native.client(), time).is_ok()
    }

    /// A broker has answered what was asked after `seen`.
    pub(super) fn met_broker(&self, seen: Seen) {
        self.native.context().met_broker(seen);
    }
}
