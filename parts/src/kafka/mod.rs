//! A real Apache Kafka.

mod broker;
mod cluster;
mod config;
mod jars;
mod java;

pub use broker::KafkaBroker;
pub use cluster::KafkaCluster;
pub use config::KafkaConfig;
pub use jars::check_kafka;
