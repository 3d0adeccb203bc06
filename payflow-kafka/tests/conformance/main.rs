//! The conformance suite on a real broker, under both rebalance protocols.

mod harness;

use payflow_core::RebalanceProtocol;

use harness::KafkaHarness;

payflow_testkit::conformance!(
    #[ignore = "needs a Kafka broker: run cargo xtask test"]
    cooperative,
    KafkaHarness::new(RebalanceProtocol::Cooperative)
);
payflow_testkit::conformance!(
    #[ignore = "needs a Kafka broker: run cargo xtask test"]
    eager,
    KafkaHarness::new(RebalanceProtocol::Eager)
);
