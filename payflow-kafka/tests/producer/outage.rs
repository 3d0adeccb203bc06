//! A broker that stalls, dies and comes back under load: what a send was told is what happened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use payflow_core::{Fault, Producer, Record, Topic};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig, KafkaTopics, NewTopic};
use payflow_testkit::conformance::fresh_name;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const SENDERS: usize = 16;
const OUTAGE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_a_send_was_told_is_what_happened() {
    // A broker of its own: it is stopped. After a kill its controller waits for the session of the one that died.
    let config = payflow_parts::KafkaConfig::new()
        .with_property("broker.session.timeout.ms", "2000")
        .with_property("broker.heartbeat.interval.ms", "500");
    let broker = blocking(|| config.start()).await;
    let cluster = KafkaConfig::new(broker.brokers());
    let topic = Topic::parse(&fresh_name("outage")).unwrap();
    let new = NewTopic::new(&topic).with_partitions(1).with_replication(1);
    KafkaTopics::new(&cluster).unwrap().ensure(&[new]).await.unwrap();
    let config = KafkaProducerConfig::new().with_delivery_timeout(Duration::from_secs(3));
    let producer = KafkaProducer::new(&cluster, &config).unwrap();
    let health = producer.health();
    let (done, next) = (AtomicBool::new(false), AtomicUsize::new(0));

    let send_on = async || {
        let mut told = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let record = Record::new(topic.clone(), number.to_string()).with_key("u001");
            told.push((number, producer.send(record).await));
        }
        told
    };
    let load = join_all((0..SENDERS).map(|_| send_on()));
    let outages = async {
        let mut broker = broker;
        let settle = || async {
            while !health.is_connected() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let seen = next.load(Ordering::Relaxed);
            while next.load(Ordering::Relaxed) < seen + 10 * SENDERS {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        settle().await;
        broker.pause().unwrap();
        tokio::time::sleep(OUTAGE).await;
        broker.resume().unwrap();
        settle().await;
        broker.kill();
        tokio::time::sleep(OUTAGE).await;
        let mut broker = blocking(move || broker.start_again().map(|()| broker)).await;
        settle().await;
        let broker = blocking(move || {
            broker.stop()?;
            broker.start_again()?;
            Ok(broker)
        })
        .await;
        settle().await;
        done.store(true, Ordering::Relaxed);
        broker
    };
    let (told, broker) = tokio::join!(load, outages);
    let told: Vec<_> = told.into_iter().flatten().collect();

    let brokers = broker.brokers().to_owned();
    let written = blocking(move || Ok(read_all(&brokers, &topic))).await;
    let mut counts = HashMap::new();
    for (number, result) in &told {
        let times = written.get(number).copied().unwrap_or(0);
        let (kind, holds) = match result {
            Ok(_) => ("durable", times == 1),
            Err(error) => match error.fault() {
                Fault::Unknown => ("unknown", times <= 1),
                Fault::Transient { .. } => ("transient", times == 0),
                Fault::Permanent | Fault::Fatal => panic!("{number} failed for good: {}", error.chain()),
            },
        };
        assert!(holds, "{number} was {kind} and is there {times} times");
        *counts.entry(kind).or_insert(0) += 1;
    }
    // Without some of each nothing was shown.
    assert_eq!(counts.len(), 3, "{counts:?}");
}

/// How often each number is there.
fn read_all(brokers: &str, topic: &Topic) -> HashMap<usize, usize> {
    let limit = Duration::from_secs(30);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .expect("the settings are good");
    let (_, end) = consumer.fetch_watermarks(topic.as_str(), 0, limit).expect("the broker answers");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic.as_str(), 0, Offset::Beginning).expect("it is an offset");
    consumer.assign(&list).expect("the list is good");
    let mut written = HashMap::new();
    loop {
        let message = consumer.poll(limit).expect("a record within the limit").expect("no error");
        let number = std::str::from_utf8(message.payload().expect("a value")).expect("a text");
        *written.entry(number.parse().expect("a number")).or_insert(0) += 1;
        if message.offset() + 1 == end {
            return written;
        }
    }
}

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> T {
    tokio::task::spawn_blocking(call).await.expect("it does not panic").expect("it succeeds")
}
