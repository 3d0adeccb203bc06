//! No broker at all: everything is decided, in time, and says that nothing happened.

use std::net::TcpListener;
use std::time::Duration;

use futures_util::FutureExt as _;
use payflow_core::{Fault, Producer, Record, Topic};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig, KafkaTopics};

/// An address at which nobody listens: taken once, so that it is free, and given back.
fn nobody() -> KafkaConfig {
    nobodies(1)
}

pub(crate) fn nobodies(count: usize) -> KafkaConfig {
    // Not where the mock brokers of other tests listen, which may be given the same ports in a moment.
    let address = if cfg!(target_os = "linux") { "127.0.0.2:0" } else { "127.0.0.1:0" };
    let listeners = (0..count).map(|_| TcpListener::bind(address).expect("a port is free"));
    // All are taken before the first is given back, so that they differ.
    let listeners: Vec<TcpListener> = listeners.collect();
    let addresses: Vec<String> =
        listeners.iter().map(|listener| listener.local_addr().expect("it is bound").to_string()).collect();
    KafkaConfig::new(addresses.join(","))
}

pub(crate) fn record() -> Record {
    Record::new(Topic::parse("payment-topic").expect("a topic's name"), "x").with_key("u001")
}

pub(crate) const TRANSIENT: Fault = Fault::Transient { retry_after: None };

#[tokio::test]
async fn a_send_that_met_no_broker_surely_did_not_happen() {
    let config = KafkaProducerConfig::new()
        .with_delivery_timeout(Duration::from_millis(500))
        .with_queue_timeout(Duration::ZERO)
        .with_queue_records(1);
    let producer = KafkaProducer::new(&nobody(), &config).unwrap();

    // The second finds the queue full, and is decided before the first.
    let mut first = producer.send(record());
    assert!((&mut first).now_or_never().is_none());
    let second = producer.send(record()).await.unwrap_err();
    assert_eq!(second.fault(), TRANSIENT);
    assert!(second.chain().contains("queue is full"), "{}", second.chain());
    assert!((&mut first).now_or_never().is_none());

    // Dropped while it waits for room, a send leaves none taken.
    let results = producer.send_all(vec![record(), record()]).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().fault() == TRANSIENT), "{results:?}");

    let first = first.await.unwrap_err();
    assert_eq!(first.fault(), TRANSIENT);
    assert!(first.chain().contains("payment-topic"), "{}", first.chain());
    producer.flush().await.unwrap();
    assert!(!producer.health().is_connected());
}

#[tokio::test]
async fn topics_without_a_broker_are_transient() {
    let topics = KafkaTopics::new(&nobody()).unwrap().with_timeout(Duration::from_secs(1));
    let error = topics.check(&[Topic::parse("payment-topic").unwrap()]).await.unwrap_err();
    assert_eq!(error.fault(), TRANSIENT, "{}", error.chain());
}
