//! What the service can be told.

use std::net::SocketAddr;

use clap::Parser;
use payflow_core::{Currency, Topic};
use payflow_program::{
    CURRENCY, HTTP_ADDR, KAFKA_BROKERS, KafkaBrokers, LOGGING, Logging, PARTITIONER, Partitioner, TOPIC,
    TopicFlags, settings,
};

/// Takes payments over HTTP and gRPC and hands them to Kafka: POST /pay answers 202, and Pay answers, when the payment is
/// durable.
///
/// Both are served on one port, which speaks HTTP/1.1 and HTTP/2. GET /readyz says whether payments can be taken now, GET /livez whether the process answers. A Kafka that is away
/// stops nothing: payments are refused until it is back. SIGTERM drains.
#[derive(Debug, Parser)]
#[command(name = "payment-service", version)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) topics: TopicFlags,
}

settings! {
    /// What programs of payflow share. Currency and brokers have no default: a guess would be wrong without a sign.
    #[derive(Debug)]
    pub(crate) struct Settings {
        pub(crate) http_addr: SocketAddr = HTTP_ADDR,
        pub(crate) kafka_brokers: KafkaBrokers = KAFKA_BROKERS,
        pub(crate) topic: Topic = TOPIC,
        pub(crate) partitioner: Partitioner = PARTITIONER,
        pub(crate) currency: Currency = CURRENCY,
        pub(crate) logging: Logging = LOGGING,
    }
}
