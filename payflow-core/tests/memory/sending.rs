use payflow_core::{Consumer, Fault, Headers, MemoryConfig, Receipt};

use super::*;

const TRANSIENT: Fault = Fault::Transient { retry_after: None };

#[tokio::test]
async fn bytes_come_out_as_they_went_in() {
    let cluster = cluster(4);
    let mut headers = Headers::new();
    headers.append("traceparent", &b"\xff\x00"[..]);
    let mut record = Record::new(topic(), vec![0, 255, 10]).with_key("u001").with_headers(headers);
    record.timestamp = Some("2024-05-01T10:00:00.123Z".parse().unwrap());
    let receipt = cluster.producer().send(record.clone()).await.unwrap();
    let mut tombstone = Record::new(topic(), "").with_key("u001");
    tombstone.value = None;
    let _ = cluster.producer().send(tombstone).await.unwrap();

    let inbound = receive(&mut join(&cluster)).await;
    let [first, second] = [&inbound.deliveries[0], &inbound.deliveries[1]];
    assert_eq!(inbound.deliveries.len(), 2);
    assert_eq!(Receipt::new(first.partition, first.offset), receipt);
    assert_eq!(first.timestamp(), record.timestamp);
    assert_eq!(first.content.to_record(topic()), Record { timestamp: None, ..record });
    assert_eq!((second.partition, second.offset), (first.partition, first.offset + 1));
    assert_eq!(second.value(), None);
    assert!(second.timestamp().is_some(), "the transport chose one");
    assert_eq!(cluster.records(&topic()).len(), 2);
}

#[tokio::test]
async fn unknown_and_closed_topics_are_permanent_and_named() {
    let cluster = cluster(1);
    let unknown = Topic::parse("no-such-topic").unwrap();
    let error = cluster.producer().send(Record::new(unknown.clone(), "a")).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(error.chain().contains("no-such-topic"), "{}", error.chain());
    let error = cluster.consumer(GROUP, &[topic(), unknown]).unwrap_err();
    assert!(error.chain().contains("no-such-topic"), "{}", error.chain());
    assert!(cluster.consumer(GROUP, &[]).is_err());

    cluster.close_topic(&topic()).unwrap();
    let error = cluster.producer().send(Record::new(topic(), "a")).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(error.chain().contains("closed"), "{}", error.chain());
}

#[tokio::test]
async fn a_topic_is_created_once_and_with_partitions() {
    let cluster = cluster(2);
    cluster.create_topic(&topic(), 2).unwrap();
    assert!(cluster.create_topic(&topic(), 3).is_err());
    for partitions in [0, 10_001, u32::MAX] {
        assert!(cluster.create_topic(&Topic::parse("t").unwrap(), partitions).is_err());
    }
}

#[tokio::test]
async fn a_full_cluster_makes_room_of_what_every_group_has_committed() {
    let cluster = cluster_with(MemoryConfig::new().with_capacity_bytes(600), 1);
    let record = || Record::new(topic(), vec![0; 72]);
    let mut one = join(&cluster);
    let mut two = cluster.consumer("two", &[topic()]).unwrap();
    for _ in 0..3 {
        let _ = cluster.producer().send(record()).await.unwrap();
    }
    let full = cluster.producer().send(record()).await.unwrap_err();
    assert_eq!(full.fault(), TRANSIENT);
    let huge = Record::new(topic(), vec![0; 600]);
    let huge = cluster.producer().send(huge).await.unwrap_err();
    assert_eq!(huge.fault(), Fault::Permanent, "it never fits");

    let out = tokens(&receive(&mut one).await);
    one.acknowledge(&out[..2], &[]);
    one.commit().await.unwrap();
    assert!(cluster.producer().send(record()).await.is_err(), "the other group needs them");
    let out = tokens(&receive(&mut two).await);
    two.acknowledge(&out[..1], &[]);
    two.commit().await.unwrap();
    assert_eq!(cluster.producer().send(record()).await.unwrap(), Receipt::new(0, 3));
    assert!(cluster.producer().send(record()).await.is_err());

    let late = receive(&mut cluster.consumer("late", &[topic()]).unwrap()).await;
    assert_eq!(late.deliveries[0].offset, 1, "the first that is left");
}

#[tokio::test]
async fn a_smaller_record_does_not_overtake_one_that_found_no_room() {
    let cluster = cluster_with(MemoryConfig::new().with_capacity_bytes(400), 1);
    let records = [100, 100, 10].map(|size| Record::new(topic(), vec![0; size]).with_key("u001"));
    let sent = cluster.producer().send_all(records.into()).await;
    let faults: Vec<_> = sent.into_iter().map(|sent| sent.err().map(|error| error.fault())).collect();
    assert_eq!(faults, [None, Some(TRANSIENT), Some(TRANSIENT)]);
}

#[tokio::test]
async fn scripted_send_faults_come_in_their_order_and_write_nothing() {
    let cluster = cluster(1);
    let other = Topic::parse("other").unwrap();
    cluster.create_topic(&other, 1).unwrap();
    cluster.fail_next_sends(&topic(), [TRANSIENT, Fault::Unknown]);
    let producer = cluster.producer();
    let _ = producer.send(Record::new(other, "x")).await.unwrap();
    let records = ["a", "b", "c"].map(|value| Record::new(topic(), value));
    let sent = producer.send_all(records.into()).await;
    let faults: Vec<_> = sent.into_iter().map(|sent| sent.err().map(|error| error.fault())).collect();
    assert_eq!(faults, [Some(TRANSIENT), Some(Fault::Unknown), None]);
    assert_eq!(cluster.records(&topic())[0].value(), Some(&b"c"[..]));

    cluster.refuse_sends(&topic(), Some(Fault::Permanent));
    for _ in 0..3 {
        let error = producer.send(Record::new(topic(), "d")).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Permanent);
    }
    cluster.refuse_sends(&topic(), None);
    let _ = producer.send(Record::new(topic(), "d")).await.unwrap();
    assert_eq!(cluster.records(&topic()).len(), 2);
    producer.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_shut_down_everything_is_fatal_and_nobody_waits() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    receive(&mut consumer).await;
    let waiting = tokio::spawn(async move {
        let failed = consumer.receive(&mut Inbound::default(), ROOM).await;
        (consumer, failed.unwrap_err())
    });
    tokio::task::yield_now().await;
    cluster.shut_down();
    let (mut consumer, error) = waiting.await.unwrap();
    assert_eq!(error.fault(), Fault::Fatal);
    assert_eq!(consumer.commit().await.unwrap_err().fault(), Fault::Fatal);
    let sent = cluster.producer().send(Record::new(topic(), "a")).await;
    assert_eq!(sent.unwrap_err().fault(), Fault::Fatal);
    assert_eq!(cluster.consumer(GROUP, &[topic()]).unwrap_err().fault(), Fault::Fatal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_senders_lose_nothing_and_keep_their_own_order() {
    let cluster = cluster(3);
    let mut consumer = join(&cluster);
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let producer = cluster.producer();
            tokio::spawn(async move {
                for number in 0..500 {
                    let record = Record::new(topic(), format!("{number}")).with_key(format!("u{sender}"));
                    let _ = producer.send(record).await.unwrap();
                }
            })
        })
        .collect();
    let mut next = std::collections::BTreeMap::new();
    let mut received = 0;
    while received < 2_000 {
        let inbound = receive(&mut consumer).await;
        for (delivery, value) in inbound.deliveries.iter().zip(values(&inbound.deliveries)) {
            let expected = next.entry(delivery.key().map(<[u8]>::to_vec)).or_insert(0);
            assert_eq!(value, expected.to_string());
            *expected += 1;
            received += 1;
        }
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_waited_for() {
    let cluster = cluster(1);
    let waiting = cluster.clone();
    let waiting = tokio::spawn(async move {
        waiting.wait_until(|cluster| cluster.lag(GROUP, &topic()) == 2).await;
    });
    send(&cluster, &["a"]).await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    send(&cluster, &["b"]).await;
    waiting.await.unwrap();
}
