//! Errors that librdkafka tells, and whether a broker is reached.

use std::time::{Duration, Instant};

use payflow_core::Fault;
use rdkafka::Offset;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tracing::{debug, error, info, warn};

use super::poll_thread::PollThread;
use super::shared::Broken;
use crate::error;
use crate::native::reach_broker;

/// How long the thread waits for a broker's answer while none is reached, and how long until it asks again.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
const PROBE_PAUSE: Duration = Duration::from_secs(1);

impl PollThread {
    pub(super) fn read_again(&mut self, topic: &str, partition: i32, offset: i64) {
        error!(
            topic,
            partition, offset, "a record came on the main queue, and is read again: this is a bug in payflow"
        );
        let sought =
            self.client.consumer().seek(topic, partition, Offset::Offset(offset), Duration::from_secs(1));
        if let Err(error) = sought {
            error!(topic, partition, %error, "reading could not be set back");
            self.fail_with(format!("{topic}/{partition} cannot be read: {error}"));
        }
    }

    pub(super) fn note_error(&mut self, error: &KafkaError) {
        match error {
            KafkaError::MessageConsumptionFatal(code) => self.fail(*code),
            other => {
                let code = other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.note_code(code, None);
            }
        }
    }

    pub(super) fn note_partition_error(&mut self, code: RDKafkaErrorCode, topic: &str, partition: i32) {
        self.note_code(code, Some((topic, partition)));
    }

    fn note_code(&mut self, code: RDKafkaErrorCode, place: Option<(&str, i32)>) {
        if error::consume(code) == Fault::Fatal {
            return self.fail(code);
        }
        match code {
            RDKafkaErrorCode::AllBrokersDown => {
                self.health.set_connected(false);
                if self.outage.is_none() {
                    self.outage = Some(Instant::now());
                    warn!("no Kafka broker can be reached: nothing is received until one is back");
                }
            }
            // Each broker that goes away tells so; it matters once all have.
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::OperationTimedOut => {
                debug!(%code, "a broker cannot be reached");
            }
            code if self.told.first(code) => {
                let place = place.map(|(topic, partition)| format!("{topic}/{partition}"));
                warn!(%code, place, "receiving fails, and is tried again");
            }
            _ => {}
        }
    }

    fn fail(&mut self, code: RDKafkaErrorCode) {
        let text = match self.client.consumer().client().fatal_error() {
            Some((code, text)) => format!("{code}: {text}"),
            None => code.to_string(),
        };
        self.fail_with(text);
    }

    fn fail_with(&mut self, text: String) {
        self.health.end();
        self.shared.lock().broken.get_or_insert(Broken(text));
        self.shared.changed.notify_one();
    }

    /// A broker answered. Records are no answer: they may have been fetched before the last broker was lost.
    pub(super) fn works(&mut self) {
        self.health.set_connected(true);
        if let Some(since) = self.outage.take() {
            info!(seconds = since.elapsed().as_secs(), "a Kafka broker is reached again");
        }
    }

    /// An idle topic tells nothing of a broker that is back: while none is reached, one is asked.
    pub(super) fn probe(&mut self) {
        if self.health.is_connected() || self.health.has_ended() || Instant::now() < self.probe_at {
            return;
        }
        // A loss that is told while the answer is on its way may be the younger of the two.
        let seen = self.health.seen();
        let found = reach_broker(self.client.consumer().client(), PROBE_TIMEOUT);
        self.probe_at = Instant::now() + PROBE_PAUSE;
        if found.is_ok() {
            self.serve();
            self.health.connected_as_of(seen);
            if self.health.is_connected() {
                self.works();
            }
        }
    }
}

/// Where a message stands.
pub(super) fn stray(message: &BorrowedMessage<'_>) -> (String, i32, i64) {
    (message.topic().to_owned(), message.partition(), message.offset())
}
