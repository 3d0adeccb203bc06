//! Records that were deleted before the group came to them.

use payflow_core::Consumer as _;

use crate::cluster::{Cluster, finish, offsets, receive};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_behind_the_oldest_record_goes_on_there() {
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
    finish(&mut second, &deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(10));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_beyond_the_newest_record_begins_anew() {
    let cluster = Cluster::with_partitions(1).await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..5).await;
    cluster.commit_elsewhere(0, 50).await;

    let mut consumer = cluster.consumer();
    let deliveries = receive(&mut consumer, 5).await;
    assert_eq!(offsets(&deliveries), [0, 1, 2, 3, 4]);
    finish(&mut consumer, &deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(5));
}
