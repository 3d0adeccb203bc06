//! A harness on the broker that `PAYFLOW_TEST_BROKERS` names.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Consumer, Producer, RebalanceProtocol, Topic};
use payflow_kafka::{
    KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig, KafkaTopics,
    NewTopic,
};
use payflow_testkit::conformance::{Capabilities, Capability, Harness, Limits, fresh_name};

/// How long consumers keep a revoking partition whose tokens are out: short, since a case waits for it.
const REVOKE_DRAIN: Duration = Duration::from_secs(2);

/// How long a broker on a busy machine may take for a topic.
const PATIENCE: Duration = Duration::from_secs(60);

/// Topics and groups of its own for each case, on one broker.
pub(crate) struct KafkaHarness {
    protocol: RebalanceProtocol,
    brokers: String,
}

impl KafkaHarness {
    pub(crate) fn new(protocol: RebalanceProtocol) -> Self {
        let brokers = std::env::var("PAYFLOW_TEST_BROKERS")
            .expect("PAYFLOW_TEST_BROKERS names the broker: cargo xtask test starts one and sets it");
        Self { protocol, brokers }
    }

    fn config(&self) -> KafkaConfig {
        // A member hears of a rebalance by its next heartbeat, and a case waits for that.
        KafkaConfig::new(&self.brokers)
            .with_property("heartbeat.interval.ms", "300")
            .expect("librdkafka knows the property")
    }
}

#[async_trait]
impl Harness for KafkaHarness {
    fn capabilities(&self) -> Capabilities {
        // A broker is interrupted where it is the test's own; a log has no end for good.
        Capabilities::all().without(Capability::FiniteSource).without(Capability::Interruptions)
    }

    fn limits(&self) -> Limits {
        Limits {
            case: Duration::from_secs(120),
            quiet: Duration::from_millis(500),
            // Longer than the session timeout and the longest poll interval of `consumer`.
            membership: Duration::from_secs(10),
            oversized_bytes: 2 << 20,
        }
    }

    async fn topic(&self, partitions: i32) -> Topic {
        let topic = Topic::parse(&fresh_name("conformance")).expect("a fresh name is a topic's name");
        // And waits for its leaders: a member that joins before a broker knows the topic looks again after minutes.
        let topics = KafkaTopics::new(&self.config()).expect("the settings are good").with_timeout(PATIENCE);
        topics
            .ensure(&[NewTopic::new(&topic).with_partitions(partitions)])
            .await
            .expect("the broker answers");
        topic
    }

    async fn producer(&self) -> Arc<dyn Producer> {
        Arc::new(
            KafkaProducer::new(&self.config(), &KafkaProducerConfig::new()).expect("the settings are good"),
        )
    }

    async fn consumer(&self, group: &str, topic: &Topic) -> Box<dyn Consumer> {
        let config = KafkaConsumerConfig::new(group)
            .with_protocol(self.protocol)
            .with_revoke_drain(REVOKE_DRAIN)
            .with_session_timeout(Duration::from_secs(6))
            .with_max_poll_interval(Duration::from_secs(6));
        let topics = std::slice::from_ref(topic);
        Box::new(KafkaConsumer::new(&self.config(), &config, topics).expect("the settings are good"))
    }
}
