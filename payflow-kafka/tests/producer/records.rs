//! What arrives is what was sent, and who sent it knows where.

use payflow_core::{Fault, Header, Headers, Producer, Record};
use payflow_kafka::{KafkaProducerConfig, KafkaTopics, NewTopic};
use rdkafka::message::{Message as _, Timestamp};

use crate::broker::{cluster, fresh_topic, headers, length, producer, read, topic};

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn absent_and_empty_arrive_apart() {
    let (topic, producer) = (topic(1).await, producer(&KafkaProducerConfig::new()));
    let mut named = Headers::new();
    named.append("twice", "1");
    named.append("twice", vec![0xff, 0x00]);
    named.push(Header { name: "absent", value: None });
    named.append("empty", "");
    let mut whole = Record::new(topic.clone(), vec![0, 0xff]).with_key("u001").with_headers(named);
    whole.timestamp = Some("2026-01-02T03:04:05.678Z".parse().unwrap());
    let mut tombstone = Record::new(topic.clone(), "").with_key("");
    tombstone.value = None;
    let empty = Record::new(topic.clone(), "");

    for (offset, record) in [whole, tombstone, empty].into_iter().enumerate() {
        let receipt = producer.send(record).await.unwrap();
        assert_eq!((receipt.partition, receipt.offset), (0, i64::try_from(offset).unwrap()));
    }

    let read = read(&topic, 0, 3).await;
    assert_eq!((read[0].key(), read[0].payload()), (Some(&b"u001"[..]), Some(&[0, 0xff][..])));
    assert_eq!(read[0].timestamp(), Timestamp::CreateTime(1_767_323_045_678));
    let expected: [(&str, Option<&[u8]>); 4] =
        [("twice", Some(b"1")), ("twice", Some(&[0xff, 0x00])), ("absent", None), ("empty", Some(b""))];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)));
    assert_eq!(headers(&read[0]), expected);
    assert_eq!((read[1].key(), read[1].payload()), (Some(&b""[..]), None));
    assert_eq!((read[2].key(), read[2].payload()), (None, Some(&b""[..])));
    assert_eq!(headers(&read[2]), []);
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_time_that_kafka_cannot_hold_is_replaced_and_not_refused() {
    let (topic, producer) = (topic(1).await, producer(&KafkaProducerConfig::new()));
    for time in ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"] {
        let mut record = Record::new(topic.clone(), "old");
        record.timestamp = Some(time.parse().unwrap());
        let _receipt = producer.send(record).await.unwrap();
    }
    for message in read(&topic, 0, 2).await {
        assert!(message.timestamp().to_millis().unwrap() > 1_700_000_000_000, "{:?}", message.timestamp());
    }
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_record_above_the_limit_of_its_topic_fails_alone() {
    let topic = fresh_topic();
    let new = NewTopic::new(&topic).with_partitions(1).with_replication(1);
    let new = new.with_config("max.message.bytes", "1100000");
    KafkaTopics::new(&cluster()).unwrap().ensure(&[new]).await.unwrap();
    let producer = producer(&KafkaProducerConfig::new());
    let sized = |bytes| Record::new(topic.clone(), vec![b'x'; bytes]).with_key("u001");

    // Larger than librdkafka's own limit would be by default, and within the topic's.
    let records = vec![sized(10), sized(1_099_000), sized(10), sized(1_200_000), sized(10)];
    let results = producer.send_all(records).await;
    let faults: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(|error| error.fault())).collect();
    assert_eq!(faults, [None, None, None, Some(Fault::Permanent), None], "{results:?}");

    // Larger than any topic: librdkafka refuses it.
    let error = producer.send(sized(17 << 20)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(error.chain().contains(topic.as_str()), "{}", error.chain());
    let _receipt = producer.send(sized(1)).await.unwrap();
    assert_eq!(length(&topic, 0).await, 5);
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn an_unknown_topic_is_permanent_and_known_once_it_is_created() {
    let (there, missing) = (topic(1).await, fresh_topic());
    let producer = producer(&KafkaProducerConfig::new());
    let to = |topic: &payflow_core::Topic| Record::new(topic.clone(), "x").with_key("u001");

    let results = producer.send_all(vec![to(&there), to(&missing), to(&there)]).await;
    let faults: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(|error| error.fault())).collect();
    assert_eq!(faults, [None, Some(Fault::Permanent), None], "{results:?}");
    assert!(results[1].as_ref().unwrap_err().chain().contains(missing.as_str()), "{results:?}");

    let new = NewTopic::new(&missing).with_partitions(1).with_replication(1);
    KafkaTopics::new(&cluster()).unwrap().ensure(&[new]).await.unwrap();
    // librdkafka looks again about once a second.
    let sent = loop {
        match producer.send(to(&missing)).await {
            Err(error) if error.fault() == Fault::Permanent => tokio::time::sleep(LOOK).await,
            result => break result,
        }
    };
    assert_eq!(sent.unwrap().offset, 0);
}

const LOOK: std::time::Duration = std::time::Duration::from_millis(100);
