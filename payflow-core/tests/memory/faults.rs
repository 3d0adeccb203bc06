use std::time::Duration;

use payflow_core::{Consumer, Fault, Receipt};
use tokio::time::Instant;

use super::*;

const TRANSIENT: Fault = Fault::Transient { retry_after: None };

async fn send_one(cluster: &MemoryCluster) -> Result<Receipt, Fault> {
    let sent = cluster.producer().send(Record::new(topic(), "value")).await;
    sent.map_err(|error| error.fault())
}

#[tokio::test]
async fn a_lost_receipt_is_unknown_and_its_record_written_behind_the_faults_lined_up() {
    let cluster = cluster(1);
    cluster.lose_next_receipts(&topic(), 2);
    cluster.fail_next_sends(&topic(), [TRANSIENT]);
    let records = ["a", "b", "c", "d"].map(|value| Record::new(topic(), value)).into();
    let sent = cluster.producer().send_all(records).await;
    let faults: Vec<_> = sent.into_iter().map(|sent| sent.err().map(|error| error.fault())).collect();
    assert_eq!(faults, [Some(TRANSIENT), Some(Fault::Unknown), Some(Fault::Unknown), None]);
    let inbound = receive(&mut join(&cluster)).await;
    assert_eq!(values(&inbound.deliveries), ["b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn while_a_leader_moves_sends_fail_and_who_waits_goes_on_when_it_has_moved() {
    let cluster = cluster(1);
    send(&cluster, &["a"]).await;
    let start = Instant::now();
    assert!(cluster.move_leader(&topic(), 0, Duration::from_secs(3)));
    assert!(!cluster.move_leader(&topic(), 1, Duration::from_secs(3)));
    assert_eq!(send_one(&cluster).await, Err(TRANSIENT));

    let mut consumer = join(&cluster);
    let inbound = receive(&mut consumer).await;
    assert_eq!((inbound.changes.len(), inbound.deliveries.len(), inbound.ends.len()), (1, 0, 0));
    let inbound = receive(&mut consumer).await;
    assert_eq!(start.elapsed(), Duration::from_secs(3), "woken by the new leader alone");
    assert_eq!(values(&inbound.deliveries), ["a"]);
    assert_eq!(send_one(&cluster).await, Ok(Receipt::new(0, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_of_as_a_new_end_and_committed_over() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    receive(&mut consumer).await;
    let waiting = tokio::spawn(async move {
        let inbound = receive(&mut consumer).await;
        (consumer, inbound)
    });
    tokio::task::yield_now().await;
    assert!(cluster.append_gap(&topic(), 0, 5));
    assert!(!cluster.append_gap(&topic(), 1, 5));
    let (mut consumer, inbound) = waiting.await.unwrap();
    assert_eq!((inbound.deliveries.len(), inbound.ends[0].offset), (0, 5));
    consumer.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(5));
    assert_eq!(send_one(&cluster).await, Ok(Receipt::new(0, 5)));
}

#[tokio::test]
async fn expired_records_are_given_to_the_test_and_never_to_a_consumer() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c"]).await;
    let expired = cluster.expire_log(&topic(), 0, 2);
    assert_eq!(expired.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(cluster.expire_log(&topic(), 0, 2), []);
    assert_eq!(cluster.lag(GROUP, &topic()), 1);
    assert_eq!(values(&receive(&mut join(&cluster)).await.deliveries), ["c"]);
}

#[tokio::test]
async fn expired_offsets_repeat_what_the_log_still_holds() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b"]).await;
    let mut consumer = join(&cluster);
    let out = tokens(&receive(&mut consumer).await);
    consumer.acknowledge(&out, &[]);
    consumer.commit().await.unwrap();
    assert!(!cluster.expire_offsets(GROUP, &topic(), 0), "a member owns it");
    drop(consumer);
    assert!(cluster.expire_offsets(GROUP, &topic(), 0));
    assert_eq!(cluster.committed(GROUP, &topic(), 0), None);
    assert_eq!(values(&receive(&mut join(&cluster)).await.deliveries), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn added_partitions_wake_and_reach_a_member_that_waits() {
    let cluster = cluster(1);
    let mut consumer = join(&cluster);
    receive(&mut consumer).await;
    let waiting = tokio::spawn(async move { receive(&mut consumer).await });
    tokio::task::yield_now().await;
    cluster.add_partitions(&topic(), 3).unwrap();
    assert_eq!(changes(&waiting.await.unwrap()), [("assigned", vec![1, 2])]);
    let error = cluster.add_partitions(&topic(), 2).unwrap_err();
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(error.chain().contains("it can only be given more"), "{}", error.chain());
}
