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
use crate::health::KafkaHealth;
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
                self.health.set_connected(true);
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
