//! The queue between a send and librdkafka: bounded, in order, and empty after a flush.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use payflow_core::{Producer, Record};
use payflow_kafka::KafkaProducerConfig;
use rdkafka::message::Message as _;

use crate::broker::{length, producer, read, topic};

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_queue_that_is_always_full_keeps_the_order() {
    let topic = topic(1).await;
    let config = KafkaProducerConfig::new().with_queue_records(3).with_queue_timeout(Duration::from_secs(30));
    let producer = producer(&config);
    let records = (0..500).map(|number: i64| Record::new(topic.clone(), number.to_string()).with_key("u001"));

    let results = producer.send_all(records.collect()).await;

    let offsets: Vec<i64> = results.into_iter().map(|result| result.unwrap().offset).collect();
    assert_eq!(offsets, (0..500).collect::<Vec<_>>());
    for (number, message) in read(&topic, 0, 500).await.into_iter().enumerate() {
        assert_eq!(message.payload().unwrap(), number.to_string().as_bytes());
    }
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn bytes_bound_the_queue_and_a_larger_record_passes_alone() {
    let topic = topic(1).await;
    let config = KafkaProducerConfig::new()
        .with_queue_bytes(1024 * 1024)
        .with_queue_timeout(Duration::from_secs(30))
        .with_max_in_flight(5);
    let producer = producer(&config);
    let sends = (0..20).map(|_| producer.send(Record::new(topic.clone(), vec![b'x'; 900_000])));
    for result in join_all(sends).await {
        let _receipt = result.unwrap();
    }
    assert_eq!(length(&topic, 0).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn flush_waits_for_sends_that_nobody_awaits() {
    let topic = topic(1).await;
    let producer = producer(&KafkaProducerConfig::new().with_linger(Duration::from_millis(100)));
    for number in 0..50_i64 {
        let mut send = producer.send(Record::new(topic.clone(), number.to_string()).with_key("u001"));
        // Polled once, a send has begun; then it is dropped.
        assert!((&mut send).now_or_never().is_none());
    }

    producer.flush().await.unwrap();

    assert_eq!(length(&topic, 0).await, 50);
    producer.flush().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_is_queued_when_the_producer_is_dropped_is_written() {
    let topic = topic(1).await;
    let producer = producer(&KafkaProducerConfig::new().with_linger(Duration::from_millis(200)));
    for _ in 0..10 {
        assert!(producer.send(Record::new(topic.clone(), "x").with_key("u001")).now_or_never().is_none());
    }
    drop(producer);
    assert_eq!(read(&topic, 0, 10).await.len(), 10);
}
