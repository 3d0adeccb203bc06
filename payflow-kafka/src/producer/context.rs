//! What librdkafka calls back: delivery reports, errors of the client, log lines.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use payflow_core::Receipt;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use tracing::{debug, warn};

use super::pending::Pending;
use crate::error::code_of;
use crate::health::KafkaHealth;
use crate::log::{self, Once};
use crate::native::{Persisted, message_status};

pub(super) struct Context {
    health: KafkaHealth,
    warned: Mutex<Once<RDKafkaErrorCode>>,
    /// The client whose context this is.
    client: OnceLock<Weak<BaseProducer<Self>>>,
}

impl Context {
    pub(super) fn new(health: KafkaHealth) -> Self {
        Self { health, warned: Mutex::new(Once::new()), client: OnceLock::new() }
    }

    /// To be called once, before the client's first poll.
    pub(super) fn know(&self, client: &Arc<BaseProducer<Self>>) {
        // Nobody else sets it.
        let _ = self.client.set(Arc::downgrade(client));
    }

    /// Gives up all that waits to be sent, at first or again.
    ///
    /// When a record times out that a broker may have, librdkafka takes a new producer epoch, and what was in the same
    /// request is sent again under it, as if it were new: a broker that had appended the request would append it twice.
    fn give_up_what_waits(&self) {
        if let Some(client) = self.client.get().and_then(Weak::upgrade) {
            client.purge(PurgeConfig::default().queue().non_blocking());
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::forward(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = code_of(&error);
        if code == RDKafkaErrorCode::AllBrokersDown {
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
        let outcome = match delivered {
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
                let code = code_of(error);
                if code == RDKafkaErrorCode::MessageTimedOut && persisted == Persisted::Maybe {
                    self.give_up_what_waits();
                }
                Err((code, persisted))
            }
        };
        pending.resolve(outcome);
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
