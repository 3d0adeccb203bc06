//! What finished beyond the watermark is known to the next owner.

use payflow_core::{Consumer, Deliveries, Fault, FinishedBeyond, OffsetTracker};

use super::*;

/// Above what may be unfinished and old, however it is counted.
const MANY: usize = 16_384 + 1_000;

async fn send_many(cluster: &MemoryCluster, count: usize) {
    let records = (0..count).map(|_| Record::new(topic(), "x")).collect();
    for sent in cluster.producer().send_all(records).await {
        let _ = sent.unwrap();
    }
}

/// Everything there is, and the partition's end.
async fn receive_all(consumer: &mut MemoryConsumer) -> Vec<Delivery> {
    let room = Room { records: usize::MAX, bytes: usize::MAX, first_may_exceed: true };
    let mut deliveries = Vec::new();
    loop {
        let mut inbound = receive_within(consumer, room).await;
        deliveries.extend(inbound.deliveries.drain());
        if !inbound.ends.is_empty() {
            return deliveries;
        }
    }
}

fn metadata(cluster: &MemoryCluster) -> String {
    cluster.committed_metadata(GROUP, &topic(), 0).unwrap_or_default()
}

#[tokio::test]
async fn what_finished_beyond_the_watermark_is_not_delivered_again() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c", "d", "e"]).await;
    let mut first = join(&cluster);
    let out = tokens(&receive(&mut first).await);
    first.acknowledge(&[out[1], out[3]], &[out[4]]);
    first.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(0));
    assert_eq!(FinishedBeyond::decode(0, &metadata(&cluster)).unwrap().ranges(), [1..2, 3..4]);
    drop(first);

    // A commit before it has seen all of it again keeps the rest.
    let mut second = join(&cluster);
    let inbound = receive_within(&mut second, Room { records: 1, ..ROOM }).await;
    assert_eq!(values(&inbound.deliveries), ["a"]);
    second.acknowledge(&tokens(&inbound), &[]);
    second.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(2));
    drop(second);

    let mut third = join(&cluster);
    let inbound = receive(&mut third).await;
    assert_eq!(values(&inbound.deliveries), ["c", "e"]);
    third.acknowledge(&tokens(&inbound), &[]);
    third.commit().await.unwrap();
    assert_eq!((cluster.committed(GROUP, &topic(), 0), metadata(&cluster)), (Some(5), String::new()));
}

#[tokio::test]
async fn what_is_known_to_be_finished_takes_no_room() {
    let cluster = cluster(1);
    send(&cluster, &["stuck", "a giant, larger than the room there is", "b"]).await;
    let mut first = join(&cluster);
    let out = tokens(&receive(&mut first).await);
    first.acknowledge(&out[1..2], &[]);
    first.commit().await.unwrap();
    drop(first);

    let mut second = join(&cluster);
    let small = Room { records: 2, bytes: 6, first_may_exceed: false };
    assert_eq!(values(&receive_within(&mut second, small).await.deliveries), ["stuck", "b"]);
}

#[tokio::test]
async fn the_end_is_told_when_all_that_is_left_is_finished() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c"]).await;
    let mut first = join(&cluster);
    let out = tokens(&receive(&mut first).await);
    first.acknowledge(&out[1..], &[]);
    first.commit().await.unwrap();
    drop(first);

    let mut second = join(&cluster);
    let inbound = receive_within(&mut second, Room { records: 1, ..ROOM }).await;
    assert_eq!(values(&inbound.deliveries), ["a"]);
    let inbound = if inbound.ends.is_empty() { receive(&mut second).await } else { inbound };
    assert_eq!(inbound.ends[0].offset, 3);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_let_go_takes_its_memory_along() {
    let cluster = cluster_with(eager().with_revoke_timeout(Duration::from_secs(5)), 1);
    send(&cluster, &["a", "b", "c"]).await;
    let mut first = join(&cluster);
    let out = tokens(&receive(&mut first).await);
    first.acknowledge(&out[1..], &[]);

    // It commits nothing itself: that is done as its time is up.
    let mut second = join(&cluster);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(0));
    let (mut of_first, mut of_second) = (Inbound::default(), Inbound::default());
    let silence = tokio::time::Instant::now() + Duration::from_secs(60);
    while of_first.deliveries.is_empty() && of_second.deliveries.is_empty() {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(silence) => panic!("nothing came"),
            received = first.receive(&mut of_first, ROOM) => received.unwrap(),
            received = second.receive(&mut of_second, ROOM) => received.unwrap(),
        }
    }
    of_first.deliveries.append(&mut of_second.deliveries);
    assert_eq!(values(&of_first.deliveries), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn intake_stops_where_no_more_could_be_remembered_and_of_that_partition_alone() {
    let cluster = cluster(2);
    send_many(&cluster, 2 * MANY).await;
    let mut consumer = join(&cluster);
    let room = Room { records: usize::MAX, bytes: usize::MAX, first_may_exceed: true };
    let mut deliveries = receive_within(&mut consumer, room).await.deliveries;
    let of = |deliveries: &Deliveries, partition: i32| -> Vec<AckToken> {
        let of = deliveries.iter().filter(|delivery| delivery.partition == partition);
        of.map(|delivery| delivery.token).collect()
    };
    let most = 16_384 + (OffsetTracker::METADATA_BYTES_MAX as usize - 2_048).div_ceil(6);
    assert_eq!((of(&deliveries, 0).len(), of(&deliveries, 1).len()), (most, most));
    assert!(is_quiet(&mut consumer).await, "nor is it the end");

    // All but the first of one finish, which leaves one old one: that partition goes on, and the other waits.
    consumer.acknowledge(&of(&deliveries, 1)[1..], &[]);
    let more = receive_within(&mut consumer, room).await;
    assert_eq!((of(&more.deliveries, 0).len(), of(&more.deliveries, 1).len()), (0, MANY - most));
    assert_eq!(more.ends.len(), 1);

    // Whatever finishes of what was taken in finds room.
    let kept: Vec<AckToken> = of(&deliveries, 0).into_iter().skip(1).step_by(2).collect();
    consumer.acknowledge(&kept, &[]);
    consumer.commit().await.unwrap();
    deliveries.extend(more.deliveries);
    drop(consumer);
    assert!(metadata(&cluster).len() <= 4_096);

    let again = receive_all(&mut join(&cluster)).await;
    let again: Vec<i64> =
        again.iter().filter(|delivery| delivery.partition == 0).map(|delivery| delivery.offset).collect();
    let kept: Vec<i64> = kept.iter().map(|token| token.sequence()).collect();
    assert!(again.len() >= most / 2 && !again.iter().any(|offset| kept.contains(offset)));
}

#[tokio::test]
async fn metadata_of_other_programs_is_ignored() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c"]).await;
    let mut first = join(&cluster);
    let out = tokens(&receive(&mut first).await);
    first.acknowledge(&out[2..], &[]);
    first.commit().await.unwrap();
    assert!(!cluster.commit_foreign(GROUP, &topic(), 0, 1, "x"), "it is owned");
    drop(first);
    let ours = metadata(&cluster);

    for foreign in
        ["", "bAAEAAAAB", "payflow", "payflow.", "payflow.!", &ours, &"x".repeat(10_000), "\u{1f980}"]
    {
        assert!(cluster.commit_foreign(GROUP, &topic(), 0, 1, foreign));
        let mut consumer = join(&cluster);
        assert_eq!(values(&receive(&mut consumer).await.deliveries), ["b", "c"], "{foreign}");
        consumer.commit().await.unwrap();
        assert_eq!(metadata(&cluster), foreign, "nothing was new");
    }
    assert!(!cluster.commit_foreign(GROUP, &topic(), 1, 0, ""), "there is no such partition");
    assert!(cluster.commit_foreign(GROUP, &topic(), 0, 0, &ours));
    assert_eq!(values(&receive(&mut join(&cluster)).await.deliveries), ["a", "b"]);
}

#[tokio::test]
async fn a_commit_tells_that_what_finished_out_of_order_was_lost() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c"]).await;
    let mut consumer = join(&cluster);
    let out = tokens(&receive(&mut consumer).await);
    consumer.acknowledge(&out[1..2], &[]);
    consumer.commit().await.unwrap();
    consumer.acknowledge(&out[2..], &[]);
    assert!(cluster.expel(consumer.member()));
    let error = consumer.commit().await.unwrap_err();
    assert_eq!(error.fault(), Fault::Transient { retry_after: None });
    consumer.commit().await.unwrap();
    assert_eq!(values(&receive(&mut consumer).await.deliveries), ["a", "c"]);
}
