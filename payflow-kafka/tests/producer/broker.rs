//! The real broker of these tests, seen past payflow.

use std::time::Duration;

use payflow_core::Topic;
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig, KafkaTopics, NewTopic};
use payflow_testkit::conformance::fresh_name;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _, OwnedMessage};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// Long enough for a loaded machine; nothing waits for it that goes well.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn cluster() -> KafkaConfig {
    KafkaConfig::new(brokers())
}

pub(crate) fn brokers() -> String {
    std::env::var("PAYFLOW_TEST_BROKERS").expect("PAYFLOW_TEST_BROKERS names no broker: run cargo xtask test")
}

pub(crate) fn producer(config: &KafkaProducerConfig) -> KafkaProducer {
    KafkaProducer::new(&cluster(), config).expect("the settings are good")
}

pub(crate) fn fresh_topic() -> Topic {
    Topic::parse(&fresh_name("producer")).expect("a fresh name is a topic's name")
}

/// A topic that is there and empty.
pub(crate) async fn topic(partitions: i32) -> Topic {
    let topic = fresh_topic();
    let new = NewTopic::new(&topic).with_partitions(partitions).with_replication(1);
    KafkaTopics::new(&cluster())
        .expect("the settings are good")
        .ensure(&[new])
        .await
        .expect("the broker creates it");
    topic
}

/// The first `count` records of a partition, by librdkafka alone.
pub(crate) async fn read(topic: &Topic, partition: i32, count: usize) -> Vec<OwnedMessage> {
    let topic = topic.clone();
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers())
            .set("group.id", fresh_name("reader"))
            .set("enable.auto.commit", "false")
            .create()
            .expect("the settings are good");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic.as_str(), partition, Offset::Beginning).expect("it is an offset");
        consumer.assign(&list).expect("the list is good");
        let one = || consumer.poll(LIMIT).expect("a record within the limit").expect("no error").detach();
        (0..count).map(|_| one()).collect()
    })
    .await
    .expect("it does not panic")
}

/// How many records a partition holds.
pub(crate) async fn length(topic: &Topic, partition: i32) -> i64 {
    let topic = topic.clone();
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", brokers()).create().expect("the settings are good");
        let (low, high) =
            consumer.fetch_watermarks(topic.as_str(), partition, LIMIT).expect("the broker answers");
        high - low
    })
    .await
    .expect("it does not panic")
}

/// Names and values of a record's headers.
pub(crate) fn headers(message: &OwnedMessage) -> Vec<(String, Option<Vec<u8>>)> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
}
