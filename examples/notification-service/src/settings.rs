//! What the service can be told.

use std::net::SocketAddr;

use clap::Parser;
use payflow_core::Currency;
use payflow_program::{
    CURRENCY, GROUP, GRPC_ADDR, GroupId, HTTP_ADDR, KAFKA_BROKERS, KafkaBrokers, LOGGING, Logging,
    NOTIFY_URL, NotifyUrl, TOPICS, TopicFlags, Topics, settings,
};

/// Reads payments from Kafka and notifies each payer, in order per payer: the notifications stand in the log.
///
/// It also notifies for others, over gRPC. With --notify-url it hands the payments on to another notification service, and
/// serves no gRPC itself.
///
/// Programs of one group share the work. What cannot be handled is set aside in the dead-letter topic. GET /readyz says
/// whether Kafka is reached, GET /livez whether the work goes on. SIGTERM finishes what is under way, commits it and
/// leaves the group.
#[derive(Debug, Parser)]
#[command(name = "notification-service", version)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) topics: TopicFlags,
}

settings! {
    /// What programs of payflow share. Currency and brokers have no default: a guess would be wrong without a sign.
    #[derive(Debug)]
    pub(crate) struct Settings {
        // Not payment-service's: both run on one machine as they are.
        pub(crate) http_addr: SocketAddr = HTTP_ADDR.default("127.0.0.1:8081"),
        pub(crate) grpc_addr: SocketAddr = GRPC_ADDR,
        pub(crate) notify_url: Option<NotifyUrl> = NOTIFY_URL.optional(),
        pub(crate) kafka_brokers: KafkaBrokers = KAFKA_BROKERS,
        pub(crate) topics: Topics = TOPICS,
        pub(crate) group: GroupId = GROUP.default("notification-service"),
        pub(crate) currency: Currency = CURRENCY,
        pub(crate) logging: Logging = LOGGING,
    }
}
