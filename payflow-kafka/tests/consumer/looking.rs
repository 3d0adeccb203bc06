//! Looking at a topic and at a group from outside.

use payflow_core::{AckToken, Consumer as _, FinishedBeyond, Inbound, Room};
use payflow_kafka::{KafkaConfig, KafkaGroups, KafkaReader};

use crate::cluster::{Cluster, PATIENCE, ROOM, finish, offsets, receive};

async fn read_to_end(mut reader: KafkaReader, room: Room) -> Inbound {
    let mut all = Inbound::default();
    let reading = async {
        while !all.ended {
            let mut inbound = Inbound::default();
            reader.receive(&mut inbound, room).await.expect("the reader works");
            assert!(inbound.deliveries.len() <= room.records, "{inbound:?}");
            all.changes.append(&mut inbound.changes);
            all.deliveries.append(&mut inbound.deliveries);
            all.ends.append(&mut inbound.ends);
            all.ended = inbound.ended;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it ends");
    all
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_reader_is_handed_what_stood_there_when_it_was_opened_and_then_ends() {
    let cluster = Cluster::with_partitions(3).await;
    cluster.send_all(0, 500).await;
    cluster.send_all(2, 7).await;
    cluster.delete_before(2, 4).await;
    let reader =
        KafkaReader::open(&KafkaConfig::new(&cluster.brokers), &cluster.topic).await.expect("a broker");
    assert_eq!(reader.records_max(), 503);
    cluster.send_all(1, 5).await;
    cluster.send_all(2, 5).await;

    let all = read_to_end(reader, Room { records: 9, bytes: 1 << 20, first_may_exceed: true }).await;

    let of = |partition| all.deliveries.iter().filter(move |delivery| delivery.partition == partition);
    let offsets = |partition| of(partition).map(|delivery| delivery.offset).collect::<Vec<i64>>();
    assert_eq!(offsets(0), (0..500).collect::<Vec<i64>>());
    assert_eq!((offsets(1), offsets(2)), (Vec::new(), vec![4, 5, 6]));
    assert_eq!((all.changes.len(), all.ends.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_reader_leaves_out_what_a_group_has_finished_and_disturbs_it_not() {
    let cluster = Cluster::with_partitions(2).await;
    cluster.send_all(0, 100).await;
    let mut member = cluster.consumer();
    let deliveries = receive(&mut member, 100).await;
    let odd = deliveries.iter().filter(|delivery| delivery.offset % 2 == 1 || delivery.offset < 10);
    let odd: Vec<AckToken> = odd.map(|delivery| delivery.token).collect();
    member.acknowledge(&odd, &[]);
    member.commit().await.expect("the commit succeeds");

    let config = KafkaConfig::new(&cluster.brokers);
    let reader =
        KafkaReader::open_unfinished(&config, &cluster.topic, &cluster.group).await.expect("a broker");
    assert_eq!(reader.records_max(), 45);
    let all = read_to_end(reader, ROOM).await;
    assert_eq!(offsets(&all.deliveries), (10..100).step_by(2).collect::<Vec<i64>>());

    // The member is one still.
    finish(&mut member, &deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(100));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn one_record_is_read_alone_and_one_that_is_gone_is_none() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send_all(0, 10).await;
    cluster.delete_before(0, 3).await;
    let config = KafkaConfig::new(&cluster.brokers);
    for (offset, found) in [(3, vec![3]), (9, vec![9]), (2, vec![]), (10, vec![])] {
        let reader = KafkaReader::open_at(&config, &cluster.topic, 0, offset).await.expect("a broker");
        assert_eq!(offsets(&read_to_end(reader, ROOM).await.deliveries), found, "{offset}");
    }
    let none = KafkaReader::open_at(&config, &cluster.topic, 1, 0).await.unwrap_err();
    assert!(none.chain().contains("has no partition 1"), "{}", none.chain());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_reader_ends_behind_what_was_aborted() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send_all(0, 3).await;
    cluster.abort(0, 3).await;
    let reader =
        KafkaReader::open(&KafkaConfig::new(&cluster.brokers), &cluster.topic).await.expect("a broker");

    let all = read_to_end(reader, ROOM).await;

    assert_eq!((offsets(&all.deliveries), all.ends.len()), (vec![0, 1, 2], 1));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn lag_is_told_by_partition_with_what_is_finished_out_of_order_and_with_foreign_metadata() {
    let cluster = Cluster::with_partitions(3).await;
    for partition in 0..3 {
        cluster.send_all(partition, 10).await;
    }
    let mut member = cluster.consumer();
    let deliveries = receive(&mut member, 30).await;
    let finished = deliveries.iter().filter(|delivery| delivery.partition == 0 && delivery.offset > 4);
    let finished: Vec<AckToken> = finished.map(|delivery| delivery.token).collect();
    member.acknowledge(&finished, &[]);
    member.commit().await.expect("the commit succeeds");
    member.close().await;
    cluster.commit_elsewhere_with(1, 7, "owner: billing").await;

    let groups = KafkaGroups::new(&KafkaConfig::new(&cluster.brokers));
    let lags = groups.lag(&cluster.group, &[]).await.expect("a broker");

    let told: Vec<_> =
        lags.iter().map(|lag| (lag.partition, lag.committed, lag.lag(), lag.finished())).collect();
    assert_eq!(told, [(0, Some(0), 10, 5), (1, Some(7), 3, 0), (2, None, 10, 0)]);
    assert_eq!(
        lags.iter().map(|lag| lag.oldest_unfinished()).collect::<Vec<_>>(),
        [Some(0), Some(7), Some(0)]
    );
    assert_eq!(
        lags[0].finished_beyond.ranges(),
        FinishedBeyond::decode(0, &lags[0].finished_beyond.encode(0).text).expect("ours").ranges()
    );
    assert!(lags[1].metadata.is_some() && lags[0].metadata.is_none());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_topic_that_is_not_there_is_named() {
    let cluster = Cluster::with_partitions(1).await;
    let groups = KafkaGroups::new(&KafkaConfig::new(&cluster.brokers));
    let nowhere = payflow_core::Topic::parse("nowhere").expect("a name");
    let error = groups.lag(&cluster.group, std::slice::from_ref(&nowhere)).await.unwrap_err();
    assert!(error.chain().contains("topic nowhere does not exist"), "{}", error.chain());
    assert_eq!(groups.lag(&cluster.group, &[]).await.expect("a broker"), Vec::new());
}
