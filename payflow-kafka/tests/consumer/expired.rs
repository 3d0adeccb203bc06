//! Records that were deleted before the group came to them.

use std::time::Duration;

use payflow_core::{Consumer as _, Delivery};
use payflow_kafka::KafkaConsumer;

use crate::cluster::{Cluster, PATIENCE, finish, offsets, receive, receive_until};
use crate::logged::{lines_about, note_lines};

fn values(deliveries: &[Delivery]) -> Vec<String> {
    let value = |delivery: &Delivery| {
        String::from_utf8_lossy(delivery.content.value().expect("it has one")).into_owned()
    };
    deliveries.iter().map(value).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_behind_the_oldest_record_goes_on_there_and_tells_what_it_skipped() {
    note_lines();
    let cluster = Cluster::with_partitions(1).await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..10).await;
    let mut first = cluster.consumer();
    let deliveries = receive(&mut first, 10).await;
    finish(&mut first, &deliveries[..3]).await;
    first.close().await;
    assert_eq!(cluster.committed(0).await, Some(3));

    cluster.delete_before(0, 6).await;
    let mut second = cluster.consumer();
    let deliveries = receive(&mut second, 4).await;
    assert_eq!(offsets(&deliveries), [6, 7, 8, 9]);
    let lines = lines_about(cluster.topic.as_str());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("records were deleted before they were handled"), "{lines:?}");
    assert!(lines[0].contains("partition=0 from=3 to=6"), "{lines:?}");
    finish(&mut second, &deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(10));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_of_which_everything_left_was_deleted_tells_the_end_and_what_it_skipped() {
    note_lines();
    let cluster = Cluster::with_partitions(1).await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..10).await;
    cluster.commit_elsewhere(0, 3).await;
    cluster.delete_before(0, 10).await;

    let mut consumer = cluster.consumer();
    let inbound = receive_until(&mut consumer, |inbound| !inbound.ends.is_empty()).await;
    assert_eq!((inbound.deliveries.len(), inbound.ends[0].offset), (0, 10));
    let lines = lines_about(cluster.topic.as_str());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("partition=0 from=3 to=10"), "{lines:?}");
    consumer.commit().await.expect("the commit succeeds");
    assert_eq!(cluster.committed(0).await, Some(10));

    cluster.send(&producer, 0, 10..12).await;
    assert_eq!(offsets(&receive(&mut consumer, 2).await), [10, 11]);
    assert_eq!(lines_about(cluster.topic.as_str()).len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_beyond_the_newest_record_begins_anew_and_tells() {
    note_lines();
    let cluster = Cluster::with_partitions(1).await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..5).await;
    cluster.commit_elsewhere(0, 50).await;

    let mut consumer = cluster.consumer();
    let deliveries = receive(&mut consumer, 5).await;
    assert_eq!(offsets(&deliveries), [0, 1, 2, 3, 4]);
    let lines = lines_about(cluster.topic.as_str());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("the partition begins anew at a lower offset"), "{lines:?}");
    finish(&mut consumer, &deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(5));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_beyond_the_newest_record_begins_anew_behind_what_was_aborted() {
    note_lines();
    let cluster = Cluster::with_partitions(1).await;
    // Offsets 0 and 1. The marker comes at its own time.
    cluster.abort(0, 2).await;
    cluster.send(&cluster.producer(), 0, 0..5).await;
    cluster.commit_elsewhere(0, 50).await;

    let mut consumer = cluster.consumer();
    let deliveries = receive(&mut consumer, 5).await;
    assert_eq!(values(&deliveries), ["0", "1", "2", "3", "4"]);
    let lines = lines_about(cluster.topic.as_str());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("the partition begins anew at a lower offset"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn where_a_log_begins_anew_is_committed_though_nothing_finished() {
    let cluster = Cluster::with_partitions(1).await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..5).await;
    cluster.commit_elsewhere(0, 50).await;

    let mut first = cluster.consumer();
    receive(&mut first, 5).await;
    first.commit().await.expect("the commit succeeds");
    assert_eq!(cluster.committed(0).await, Some(0));
    first.close().await;

    // The log grows past the place that the group had before.
    cluster.send(&producer, 0, 5..60).await;
    let mut second = cluster.consumer();
    let deliveries = receive(&mut second, 60).await;
    assert_eq!(offsets(&deliveries), (0..60).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn where_a_log_begins_anew_is_committed_unasked() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send(&cluster.producer(), 0, 0..5).await;
    cluster.commit_elsewhere(0, 50).await;

    // A pipeline of which nothing finishes asks for no commit, and one that is killed cannot.
    let mut consumer = cluster.consumer();
    receive(&mut consumer, 5).await;
    let told = async {
        while cluster.committed(0).await != Some(0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the place is committed");
}

/// A consumer that has read 20 records of a topic, which was deleted and made again then.
async fn made_again_while_read() -> (Cluster, KafkaConsumer) {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send(&cluster.producer(), 0, 0..20).await;
    let mut consumer = cluster.consumer();
    let old = receive(&mut consumer, 20).await;
    finish(&mut consumer, &old).await;
    cluster.make_topic_again().await;
    (cluster, consumer)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_topic_made_again_that_begins_with_what_was_aborted_is_read_whole() {
    let (cluster, mut consumer) = made_again_while_read().await;
    cluster.abort(0, 2).await;
    cluster.send(&cluster.producer(), 0, 0..5).await;
    let deliveries = receive(&mut consumer, 5).await;
    assert_eq!(values(&deliveries), ["0", "1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_topic_made_again_while_it_is_read_is_read_whole() {
    let (cluster, mut consumer) = made_again_while_read().await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..5).await;
    let first = receive(&mut consumer, 5).await;
    finish(&mut consumer, &first).await;
    cluster.send(&producer, 0, 5..10).await;
    let second = receive(&mut consumer, 5).await;
    finish(&mut consumer, &second).await;
    assert_eq!(offsets(&[first, second].concat()), (0..10).collect::<Vec<i64>>());
    assert_eq!(cluster.committed(0).await, Some(10));
}
