//! Apache Kafka for payflow: [`KafkaProducer`] and [`KafkaConsumer`] on librdkafka, [`KafkaTopics`] to create and check
//! topics, [`KafkaGroups`] and [`KafkaReader`] to look at groups and topics from outside.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use payflow_core::{Consumer, Inbound, Producer, Record, Room, Topic};
//! use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig};
//!
//! let cluster = KafkaConfig::new("kafka-1:9092,kafka-2:9092");
//! let topic = Topic::parse("payment-topic")?;
//!
//! let producer = KafkaProducer::new(&cluster, &KafkaProducerConfig::new())?;
//! let record = Record::new(topic.clone(), r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#);
//! let receipt = producer.send(record.with_key("u001")).await?;
//! println!("durable at {}/{}", receipt.partition, receipt.offset);
//!
//! let mut consumer = KafkaConsumer::new(&cluster, &KafkaConsumerConfig::new("notifications"), &[topic])?;
//! let mut inbound = Inbound::default();
//! consumer.receive(&mut inbound, Room { records: 100, bytes: 1 << 20, first_may_exceed: true }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A service hands the consumer to a [`Pipeline`](payflow_core::Pipeline), which receives, acknowledges and commits.
//!
//! # Building
//! librdkafka is compiled from source: that takes a C compiler, make and about a minute (Debian: `build-essential`,
//! `zlib1g-dev`).
//!
//! # Features
//! - `tls`: TLS, and SCRAM by it. Needs OpenSSL (Debian: `libssl-dev pkg-config`).
#![deny(unsafe_code)]

mod config;
mod consumer;
mod error;
mod groups;
mod health;
mod log;
mod native;
mod positions;
mod producer;
mod reader;
mod topics;

pub use config::{
    Compression, InvalidKafkaConfig, KafkaConfig, KafkaConsumerConfig, KafkaProducerConfig, KafkaSecurity,
    Partitioner,
};
#[cfg(feature = "tls")]
pub use config::{KafkaTls, ScramMechanism};
pub use consumer::KafkaConsumer;
pub use groups::{KafkaGroups, PartitionLag};
pub use health::KafkaHealth;
pub use producer::KafkaProducer;
pub use reader::KafkaReader;
pub use topics::{KafkaTopics, NewTopic, TopicFound, TopicsFound};
