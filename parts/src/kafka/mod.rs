//! A real Apache Kafka.

mod broker;
mod config;
mod jars;
mod java;

pub use broker::KafkaBroker;
pub use config::KafkaConfig;
pub use jars::check_kafka;
