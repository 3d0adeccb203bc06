//! What a commit says is finished beyond its offset, and what others write there.

use payflow_core::{AckToken, Change, Consumer as _, Inbound, RebalanceProtocol};
use payflow_kafka::KafkaConsumerConfig;

use crate::cluster::{Cluster, PATIENCE, finish, offsets, receive, receive_until};
use crate::logged::{lines_about, note_lines};

/// More than a commit's metadata can tell of one by one.
const RECORDS: u32 = 20_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_partition_with_too_much_unfinished_is_held_back_and_goes_on_where_it_stopped() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send_all(0, RECORDS).await;
    let mut consumer = cluster.consumer();
    // The youngest 16,384, and as many older ones as the rest of the metadata can tell: then it is held back.
    let mut all = receive(&mut consumer, 16_500).await;
    assert!(all.len() < 17_000, "{}", all.len());
    finish(&mut consumer, &all[..200]).await;
    all.extend(receive(&mut consumer, 1).await);
    finish(&mut consumer, &all[200..]).await;
    let rest = receive(&mut consumer, RECORDS as usize - all.len()).await;
    finish(&mut consumer, &rest).await;
    all.extend(rest);
    assert_eq!(offsets(&all), (0..i64::from(RECORDS)).collect::<Vec<i64>>(), "each once, and in order");
    assert_eq!(cluster.committed(0).await, Some(RECORDS.into()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_partition_that_went_while_it_was_held_back_is_read_when_it_comes_back() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send_all(0, RECORDS).await;
    let config = KafkaConsumerConfig::new(&cluster.group).with_protocol(RebalanceProtocol::Eager);
    let mut first = cluster.consumer_with(config.clone());
    let out = receive(&mut first, 16_500).await;
    let given_up: Vec<AckToken> = out.iter().map(|delivery| delivery.token).collect();

    // All go when another comes, and when it leaves: the first has the partition again in the end.
    let mut second = cluster.consumer_with(config);
    let revoking =
        |inbound: &Inbound| inbound.changes.iter().any(|change| matches!(change, Change::Revoking { .. }));
    receive_until(&mut first, revoking).await;
    first.acknowledge(&[], &given_up);
    second.close().await;
    let all = async {
        let mut next = 0;
        while next < i64::from(RECORDS) {
            let deliveries = receive(&mut first, 1).await;
            finish(&mut first, &deliveries).await;
            next = deliveries.last().map_or(next, |last| last.offset + 1);
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("it is read to its end");
    assert_eq!(cluster.committed(0).await, Some(RECORDS.into()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_finished_out_of_order_is_not_handed_out_to_the_next_owner() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send_all(0, 1_000).await;
    let mut first = cluster.consumer();
    let deliveries = receive(&mut first, 1_000).await;
    // All but the first and every hundredth.
    let finished: Vec<AckToken> = deliveries
        .iter()
        .filter(|delivery| delivery.offset % 100 != 0)
        .map(|delivery| delivery.token)
        .collect();
    first.acknowledge(&finished, &[]);
    first.commit().await.expect("the commit succeeds");
    first.close().await;
    assert_eq!(cluster.committed(0).await, Some(0));

    let mut second = cluster.consumer();
    let inbound = receive_until(&mut second, |inbound| !inbound.ends.is_empty()).await;
    assert_eq!(offsets(&inbound.deliveries), (0..10).map(|hundred| 100 * hundred).collect::<Vec<i64>>());
    finish(&mut second, &inbound.deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(1_000));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn metadata_of_another_program_is_ignored_with_one_line() {
    note_lines();
    for metadata in ["owner: billing", "payflow.AAAA", "\u{1F9FE}"] {
        let cluster = Cluster::with_partitions(1).await;
        cluster.send_all(0, 5).await;
        cluster.commit_elsewhere_with(0, 2, metadata).await;
        let mut consumer = cluster.consumer();
        let deliveries = receive(&mut consumer, 3).await;
        assert_eq!(offsets(&deliveries), [2, 3, 4]);
        let lines = lines_about(cluster.topic.as_str());
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("commit metadata is ignored") && !lines[0].contains(metadata), "{lines:?}");
        finish(&mut consumer, &deliveries).await;
        assert_eq!(cluster.committed(0).await, Some(5));
    }
}
