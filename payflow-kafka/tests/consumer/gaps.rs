//! Offsets that never come: transaction markers and aborted records.

use rdkafka::producer::{FutureProducer, Producer as _};

use crate::cluster::{Cluster, PATIENCE, finish, offsets, receive_until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn aborted_records_are_not_handed_out_and_lag_reaches_zero() {
    let cluster = Cluster::with_partitions(1).await;
    let producer: FutureProducer = cluster
        .native()
        .set("transactional.id", cluster.group.as_str())
        .set("linger.ms", "0")
        .create()
        .expect("the settings are good");
    let producer = tokio::task::spawn_blocking(move || {
        producer.init_transactions(PATIENCE).expect("the broker answers");
        producer
    })
    .await
    .expect("nothing panics");

    // Offsets 0 to 2, and a marker at 3.
    producer.begin_transaction().expect("one may begin");
    cluster.send(&producer, 0, 0..3).await;
    let producer = end(producer, true).await;
    // Offsets 4 to 8, and a marker at 9, which ends the log.
    producer.begin_transaction().expect("one may begin");
    cluster.send(&producer, 0, 3..8).await;
    drop(end(producer, false).await);

    let mut consumer = cluster.consumer();
    let inbound = receive_until(&mut consumer, |inbound| !inbound.ends.is_empty()).await;
    let deliveries = inbound.deliveries;
    assert_eq!(offsets(&deliveries), [0, 1, 2]);
    assert_eq!(inbound.ends[0].offset, 10);
    finish(&mut consumer, &deliveries).await;
    assert_eq!(cluster.committed(0).await, Some(10));
}

/// Ends the transaction. The calls block.
async fn end(producer: FutureProducer, commit: bool) -> FutureProducer {
    let ended = tokio::task::spawn_blocking(move || {
        match commit {
            true => producer.commit_transaction(PATIENCE).expect("the transaction commits"),
            false => producer.abort_transaction(PATIENCE).expect("the transaction aborts"),
        }
        producer
    });
    ended.await.expect("nothing panics")
}
