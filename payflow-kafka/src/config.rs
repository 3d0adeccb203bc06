//! What the clients of one cluster are told, and what they refuse.

mod brokers;
mod consumer;
mod invalid;
mod producer;
mod properties;
mod security;

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

pub use consumer::KafkaConsumerConfig;
pub use invalid::InvalidKafkaConfig;
pub use producer::{Compression, KafkaProducerConfig, Partitioner};
pub use security::KafkaSecurity;
#[cfg(feature = "tls")]
pub use security::{KafkaTls, ScramMechanism};

/// What all clients of one cluster share: where it is, and how they log in.
///
/// `Debug` prints no password, and of properties the names alone.
///
/// ```
/// use payflow_kafka::KafkaConfig;
///
/// let config = KafkaConfig::new("kafka-1:9092,kafka-2:9092")
///     .with_client_id("payment-service")
///     .with_property("socket.nagle.disable", "true")?;
/// # let _ = config;
/// # Ok::<(), payflow_kafka::InvalidKafkaConfig>(())
/// ```
#[derive(Clone)]
pub struct KafkaConfig {
    brokers: String,
    client_id: String,
    security: KafkaSecurity,
    properties: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// A cluster that is found through `brokers`: `host:port`, several of them with commas between. Any of them will do.
    #[must_use]
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: "payflow".to_owned(),
            security: KafkaSecurity::plaintext(),
            properties: BTreeMap::new(),
        }
    }

    /// The name under which the brokers log and limit this program. Default `payflow`.
    #[must_use]
    pub fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// How the clients prove who they are, and what others can read. Default [`KafkaSecurity::plaintext`].
    #[must_use]
    pub fn with_security(mut self, security: KafkaSecurity) -> Self {
        self.security = security;
        self
    }

    /// Any other property of librdkafka, by its name there. What is said last holds.
    ///
    /// A property that only consumers know changes nothing for a producer, and the reverse.
    ///
    /// # Errors
    /// librdkafka knows no such property, or not this value; a setter exists for it, which is then named; or it would
    /// break a promise of payflow's, which is then told. The value is never part of the text.
    pub fn with_property(mut self, key: &str, value: &str) -> Result<Self, InvalidKafkaConfig> {
        let key = properties::accept(key, value)?;
        self.properties.insert(key.to_owned(), value.to_owned());
        Ok(self)
    }

    /// The part of librdkafka's settings that producers, consumers and administrators share.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, InvalidKafkaConfig> {
        brokers::check(&self.brokers)?;
        if self.client_id.is_empty() || self.client_id.contains('\0') {
            return Err(InvalidKafkaConfig::new("client_id", "is empty or holds a NUL: give it a name"));
        }

        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("allow.auto.create.topics", "false")
            // A broker that comes back is found within a second, instead of librdkafka's ten.
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "1000")
            // A connection that a firewall forgot in silence is noticed without a request that hangs on it.
            .set("socket.keepalive.enable", "true")
            .set_log_level(log_level());
        self.security.apply(&mut config)?;
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        Ok(config)
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("client_id", &self.client_id)
            .field("security", &self.security)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

/// Sets what a property of the user's may change.
fn set_unless_given(config: &mut ClientConfig, key: &str, value: impl Into<String>) {
    if config.get(key).is_none() {
        config.set(key, value);
    }
}

/// librdkafka writes only what would be shown: its lines pass through the queue of events, and cost.
fn log_level() -> RDKafkaLogLevel {
    if tracing::enabled!(target: "payflow_kafka::librdkafka", tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Error
    }
}

#[cfg(test)]
mod tests;
