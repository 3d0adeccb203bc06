//! What librdkafka calls back: delivery reports, errors of the client, log lines.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use payflow_core::Receipt;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;
use tracing::{debug, warn};

use super::ages::Ages;
use super::client::Client;
use super::pending::{Failure, Pending};
use crate::error::code_of;
use crate::health::{KafkaHealth, Seen};
use crate::log::{self, Once};
use crate::native::{Persisted, message_status};

pub(super) struct Context {
    /// Of the records that it was given.
    pub(super) ages: Ages,
    pub(super) health: KafkaHealth,
    warned: Mutex<Once<RDKafkaErrorCode>>,
    /// The client whose context this is.
    client: OnceLock<Weak<Client>>,
}

impl Context {
    pub(super) fn new(health: KafkaHealth) -> Self {
        Self { ages: Ages::new(), health, warned: Mutex::new(Once::new()), client: OnceLock::new() }
    }

    /// To be called once, before the client's first poll.
    pub(super) fn know(&self, client: &Arc<Client>) {
        // Nobody else sets it.
        let _ = self.client.set(Arc::downgrade(client));
    }

    /// The client, as long as it takes records: what befalls it later says nothing of its successor.
    fn taking(&self) -> Option<Arc<Client>> {
        self.client.get().and_then(Weak::upgrade).filter(|client| client.gives_up().is_none())
    }

    /// A broker has answered the client, as of `seen`. That its successor is connected too is not known by that.
    pub(super) fn met_broker(&self, seen: Seen) {
        if self.taking().is_some() {
            self.health.connected_as_of(seen);
        } else {
            self.health.reached();
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::forward(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = code_of(&error);
        if code == RDKafkaErrorCode::AllBrokersDown && self.taking().is_some() {
            self.health.set_connected(false);
        }
        let first = || self.warned.lock().unwrap_or_else(PoisonError::into_inner).first(code);
        if needs_a_person(code) && first() {
            warn!(%code, reason, "a broker refuses this producer");
        } else {
            debug!(%code, reason, "producer");
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Pending>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, pending: Self::DeliveryOpaque) {
        self.ages.leave(pending.turn);
        pending.resolve(match delivered {
            Ok(message) => {
                // Looked at first: this comes with every record, and asking who takes records would cost each.
                if !self.health.is_connected() {
                    self.met_broker(self.health.seen());
                }
                Ok(Receipt::new(message.partition(), message.offset()))
            }
            Err((error, message)) => {
                let mut persisted = message_status(message);
                // Nothing can be sent where no broker is reached.
                if persisted == Persisted::Unlikely && !self.health.was_connected_since(pending.seen) {
                    persisted = Persisted::No;
                }
                let fatal = self.taking().and_then(|client| client.fatal());
                Err(Box::new(Failure { code: code_of(error), persisted, fatal }))
            }
        });
    }
}

/// Waiting does not mend it: a login, a permission or a certificate is wrong.
const fn needs_a_person(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        code,
        Authentication
            | SaslAuthenticationFailed
            | UnsupportedSASLMechanism
            | IllegalSASLState
            | SSL
            | TopicAuthorizationFailed
            | ClusterAuthorizationFailed
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures_util::FutureExt as _;
    use payflow_core::{Record, Topic};
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::producer::queue::Queue;
    use crate::producer::sends::Sends;

    #[test]
    fn what_a_retired_client_meets_does_not_connect_its_successor() {
        let health = KafkaHealth::new();
        let before = health.seen();
        let client = || Client::new(&ClientConfig::new(), &health).unwrap();
        let (retired, successor) = (client(), client());
        retired.retire(Instant::now());

        retired.met_broker(health.seen());
        assert!(!health.is_connected());
        assert!(health.was_connected_since(before), "its own records may be written");
        assert!(!health.was_connected_since(health.seen()), "those that come now have met no broker");

        successor.met_broker(health.seen());
        assert!(health.is_connected());
    }

    #[test]
    fn a_receipt_connects_while_its_client_takes_records_and_no_more_then() {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic("payment-topic", 1, 1).unwrap();
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", mock.bootstrap_servers());
        let queue = Queue::new(1, 1_000, Duration::ZERO);
        for retires in [false, true] {
            let health = KafkaHealth::new();
            let before = health.seen();
            let client = Client::new(&settings, &health).unwrap();
            let record = Record::new(Topic::parse("payment-topic").unwrap(), "x");
            let place = queue.try_enter(1).unwrap();
            let mut decided = client.send(&record, place, Sends::new().begin()).unwrap();
            if retires {
                client.retire(Instant::now());
            }

            let outcome = loop {
                client.serve(Duration::from_millis(1));
                if let Some(outcome) = (&mut decided).now_or_never() {
                    break outcome;
                }
            };
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(health.is_connected(), !retires);
            assert!(health.was_connected_since(before));
        }
    }
}
