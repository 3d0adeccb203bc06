use payflow_core::{Consumer, Fault, Header, Headers, PartitionEnd};

use super::*;

#[tokio::test(start_paused = true)]
async fn room_is_kept_in_records_and_bytes() {
    let cluster = cluster(1);
    send(&cluster, &["1234", "1234", "1234", "123456", "1"]).await;
    let mut consumer = join(&cluster);
    let room = |records, bytes, first_may_exceed| Room { records, bytes, first_may_exceed };
    let mut into = Inbound::default();
    consumer.receive(&mut into, Room::NONE).await.unwrap();
    assert_eq!(changes(&into), [("assigned", vec![0])]);
    assert!(into.deliveries.is_empty());

    for (room, expected) in [
        (room(1, 100, false), &["1234"][..]),
        (room(100, 11, true), &["1234", "1234"]),
        (room(100, 5, true), &["123456"]),
        (room(100, 1, false), &["1"]),
    ] {
        assert_eq!(values(&receive_within(&mut consumer, room).await.deliveries), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn room_in_bytes_counts_what_headers_take() {
    let cluster = cluster(1);
    let headers: Headers = ["", "", "x"].map(|name| Header { name, value: None }).into_iter().collect();
    for _ in 0..10 {
        let _ =
            cluster.producer().send(Record::new(topic(), "1").with_headers(headers.clone())).await.unwrap();
    }
    let mut consumer = join(&cluster);
    let mut received = 0;
    while received < 10 {
        let room = Room { records: 10, bytes: 150, first_may_exceed: false };
        let deliveries = receive_within(&mut consumer, room).await.deliveries;
        let bytes: usize = deliveries.iter().map(Delivery::size_bytes).sum();
        assert!(bytes <= room.bytes, "{bytes}");
        received += deliveries.len();
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_larger_than_the_room_waits_for_room_and_is_not_passed_over() {
    let cluster = cluster(2);
    send(&cluster, &["0123456789", "a", "b", "c"]).await;
    let mut consumer = join(&cluster);
    let tight = Room { records: 10, bytes: 5, first_may_exceed: false };
    let inbound = receive_within(&mut consumer, tight).await;
    assert_eq!(changes(&inbound), [("assigned", vec![0, 1])]);
    assert_eq!(values(&inbound.deliveries), [] as [&str; 0]);
    let alone = Room { first_may_exceed: true, ..tight };
    let inbound = receive_within(&mut consumer, alone).await;
    assert_eq!(values(&inbound.deliveries), ["0123456789"]);
    let inbound = receive_within(&mut consumer, tight).await;
    assert_eq!(inbound.deliveries.len(), 3);
}

#[tokio::test]
async fn a_busy_partition_leaves_room_for_the_others() {
    let cluster = cluster(2);
    send(&cluster, &["x"; 200]).await;
    let mut consumer = join(&cluster);
    let room = Room { records: 10, ..ROOM };
    let inbound = receive_within(&mut consumer, room).await;
    for partition in 0..2 {
        let of = inbound.deliveries.iter().filter(|delivery| delivery.partition == partition);
        assert_eq!(of.count(), 5);
    }
    let single = Room { records: 1, ..ROOM };
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(receive_within(&mut consumer, single).await.deliveries[0].partition);
    }
    turns.sort_unstable();
    assert_eq!(turns, [0, 0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_receive_loses_nothing() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    let inbound = receive(&mut consumer).await;
    assert_eq!(changes(&inbound), [("assigned", vec![0])]);
    assert!(is_quiet(&mut consumer).await);

    send(&cluster, &["a"]).await;
    drop(consumer.receive(&mut Inbound::default(), ROOM));
    assert_eq!(values(&receive(&mut consumer).await.deliveries), ["a"]);
    assert!(is_quiet(&mut consumer).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_wakes_who_waits() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    receive(&mut consumer).await;
    let waiting = tokio::spawn(async move {
        let inbound = receive(&mut consumer).await;
        (consumer, inbound)
    });
    tokio::task::yield_now().await;
    send(&cluster, &["a", "b"]).await;
    let (_consumer, inbound) = waiting.await.unwrap();
    assert_eq!(values(&inbound.deliveries), ["a", "b"]);
}

#[tokio::test]
async fn a_stream_of_sends_starves_no_consumer_of_the_same_thread() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    let producer = cluster.producer();
    let stream = tokio::spawn(async move {
        loop {
            let _ = producer.send(Record::new(topic(), "a")).await.unwrap();
        }
    });
    while receive(&mut consumer).await.deliveries.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!stream.is_finished());
    stream.abort();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_partition_is_told_once_for_each_end() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b"]).await;
    let mut consumer = join(&cluster);
    let one = Room { records: 1, ..ROOM };
    assert!(receive_within(&mut consumer, one).await.ends.is_empty());
    let inbound = receive_within(&mut consumer, one).await;
    let token = inbound.deliveries[0].token;
    let end = |offset| PartitionEnd { slot: token.slot(), generation: token.generation(), offset };
    assert_eq!(inbound.ends, [end(2)]);
    assert!(is_quiet(&mut consumer).await);
    send(&cluster, &["c"]).await;
    assert_eq!(receive(&mut consumer).await.ends, [end(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_topic_ends_when_the_whole_group_was_handed_everything() {
    let cluster = cluster(2);
    send(&cluster, &["a", "b"]).await;
    let (mut first, mut second) = (join(&cluster), join(&cluster));
    cluster.close_topic(&topic()).unwrap();
    let inbound = receive(&mut first).await;
    assert_eq!(inbound.deliveries.len(), 1);
    assert!(!inbound.ended, "the second may fail, and its partition come here");

    let waiting = tokio::spawn(async move { receive(&mut first).await.ended });
    tokio::task::yield_now().await;
    assert!(receive(&mut second).await.ended);
    assert!(waiting.await.unwrap(), "woken by the second");
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_once_and_again_after_an_assignment() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    cluster.close_topic(&topic()).unwrap();
    assert!(receive(&mut consumer).await.ended);
    assert!(is_quiet(&mut consumer).await);
    cluster.expel(consumer.member());
    assert!(receive(&mut consumer).await.ended);
}

#[tokio::test(start_paused = true)]
async fn scripted_receive_faults_wake_and_lose_nothing() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    receive(&mut consumer).await;
    let waiting = tokio::spawn(async move {
        let failed = consumer.receive(&mut Inbound::default(), ROOM).await;
        (consumer, failed.unwrap_err())
    });
    tokio::task::yield_now().await;
    cluster.fail_next_receives(GROUP, [Fault::Unknown]);
    let (mut consumer, error) = waiting.await.unwrap();
    assert_eq!(error.fault(), Fault::Unknown);
    send(&cluster, &["a"]).await;
    assert_eq!(values(&receive(&mut consumer).await.deliveries), ["a"]);
}
