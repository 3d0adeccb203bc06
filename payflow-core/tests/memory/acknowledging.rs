use std::time::Duration;

use payflow_core::{Consumer, Fault, MemoryConfig};
use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn unacknowledged_is_redelivered_and_committed_is_not() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c"]).await;
    let mut first = join(&cluster);
    let inbound = receive(&mut first).await;
    assert_eq!(values(&inbound.deliveries), ["a", "b", "c"]);
    let tokens = tokens(&inbound);
    first.acknowledge(&tokens[..1], &[]);
    first.commit().await.unwrap();
    first.acknowledge(&tokens[1..2], &[]);
    drop(first);

    let inbound = receive(&mut join(&cluster)).await;
    assert_eq!(values(&inbound.deliveries), ["b", "c"], "what was not committed, too");
}

#[tokio::test]
async fn out_of_order_ack_keeps_the_gap() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b", "c"]).await;
    let mut consumer = join(&cluster);
    let tokens = tokens(&receive(&mut consumer).await);
    consumer.acknowledge(&tokens[1..], &[]);
    consumer.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(0));
    consumer.acknowledge(&tokens[..1], &[]);
    consumer.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(3));
    consumer.commit().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn given_up_comes_again_with_the_next_assignment_and_not_before() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b"]).await;
    let mut first = join(&cluster);
    let out = tokens(&receive(&mut first).await);
    first.acknowledge(&out[1..], &out[..1]);
    // Given up is for good: it cannot be finished later.
    first.acknowledge(&out[..1], &[]);
    first.commit().await.unwrap();
    assert!(is_quiet(&mut first).await);
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(0));

    cluster.expel(first.member());
    let inbound = receive(&mut first).await;
    assert_eq!(changes(&inbound), [("lost", vec![0]), ("assigned", vec![0])]);
    assert_eq!(values(&inbound.deliveries), ["a"]);
    let again = tokens(&inbound);
    assert!(!again.contains(&out[0]));

    first.acknowledge(&out, &[]);
    first.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(0), "stale tokens");
    first.acknowledge(&again, &[]);
    first.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_commit_covers_what_was_acknowledged_before_it_and_stops_nothing() {
    let config = MemoryConfig::new().with_commit_latency(Duration::from_secs(1));
    let cluster = cluster_with(config, 1);
    send(&cluster, &["a"]).await;
    let mut consumer = join(&cluster);
    let first = tokens(&receive(&mut consumer).await);
    consumer.acknowledge(&first, &[]);
    let start = Instant::now();
    let commit = consumer.commit();

    send(&cluster, &["b"]).await;
    let second = receive(&mut consumer).await;
    assert_eq!(values(&second.deliveries), ["b"]);
    consumer.acknowledge(&tokens(&second), &[]);
    assert_eq!(cluster.committed(GROUP, &topic(), 0), None);
    commit.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(1));
    consumer.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_a_lost_partition_is_refused_and_the_next_is_not() {
    let config = MemoryConfig::new().with_commit_latency(Duration::from_secs(1));
    let cluster = cluster_with(config, 1);
    send(&cluster, &["a"]).await;
    let mut consumer = join(&cluster);
    let first = tokens(&receive(&mut consumer).await);
    consumer.acknowledge(&first, &[]);
    let under_way = consumer.commit();
    assert!(cluster.expel(consumer.member()));
    assert!(!cluster.expel(consumer.member()), "it has not come back yet");

    for commit in [under_way, consumer.commit()] {
        let error = commit.await.unwrap_err();
        assert_eq!(error.fault(), Fault::Transient { retry_after: None });
        assert!(error.chain().contains("illegal generation"), "{}", error.chain());
    }
    consumer.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 0), None);
}

#[tokio::test]
async fn scripted_commit_faults_come_in_their_order_and_the_next_commit_makes_up() {
    let cluster = cluster(1);
    send(&cluster, &["a"]).await;
    let mut consumer = join(&cluster);
    let tokens = tokens(&receive(&mut consumer).await);
    consumer.acknowledge(&tokens, &[]);
    cluster.fail_next_commits(GROUP, [Fault::Unknown, Fault::Fatal]);
    for fault in [Fault::Unknown, Fault::Fatal] {
        assert_eq!(consumer.commit().await.unwrap_err().fault(), fault);
        assert_eq!(cluster.lag(GROUP, &topic()), 1);
    }
    consumer.commit().await.unwrap();
    assert_eq!(cluster.lag(GROUP, &topic()), 0);
}
