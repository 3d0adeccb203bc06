//! Several brokers that know each other.

use anyhow::Context;

use super::broker::KafkaBroker;
use super::config::KafkaConfig;

/// So many brokers keep a copy of each record, and lose one of them without loss.
const BROKERS: u32 = 3;

/// A real Apache Kafka of three brokers, each of which is a controller too.
///
/// Topics have three copies unless they say otherwise, of which two must be in sync. A broker that died, or is silent, is
/// missed after 3 s. Dropped, all of them are killed, as a [`KafkaBroker`] is.
#[derive(Debug)]
#[must_use = "dropped, the brokers are killed"]
pub struct KafkaCluster {
    brokers: Vec<KafkaBroker>,
}

impl KafkaCluster {
    /// Starts three brokers, and waits until each takes connections: about 10 s on two cores. Each holds some 350 MB.
    ///
    /// # Errors
    ///
    /// Those of [`KafkaBroker::start`].
    pub fn start() -> anyhow::Result<Self> {
        KafkaConfig::new().start_cluster()
    }

    pub(crate) fn start_with(config: KafkaConfig) -> anyhow::Result<Self> {
        Ok(Self { brokers: KafkaBroker::start_together(&config.for_cluster(), BROKERS)? })
    }

    /// Where clients connect to: the addresses of all of them.
    pub fn brokers(&self) -> String {
        self.brokers.iter().map(KafkaBroker::brokers).collect::<Vec<_>>().join(",")
    }

    /// What the brokers are called.
    pub fn ids(&self) -> Vec<u32> {
        self.brokers.iter().map(KafkaBroker::id).collect()
    }

    /// One of them: to kill it, to pause it, to start it again.
    ///
    /// # Errors
    ///
    /// None is called so.
    pub fn broker(&mut self, id: u32) -> anyhow::Result<&mut KafkaBroker> {
        let found = self.brokers.iter_mut().find(|broker| broker.id() == id);
        found.with_context(|| format!("no broker {id}"))
    }
}
