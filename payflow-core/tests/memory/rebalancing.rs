use std::time::Duration;

use payflow_core::{Consumer, MemoryConfig};
use tokio::time::Instant;

use super::*;

/// A member with two deliveries of each of two partitions out, and another that is to have one of the partitions.
struct Handover {
    cluster: MemoryCluster,
    old: MemoryConsumer,
    new: MemoryConsumer,
    /// The deliveries of the partition that moves.
    moving: Inbound,
    partition: i32,
    until: Instant,
}

async fn handover(config: MemoryConfig) -> Handover {
    let cluster = cluster_with(config, 2);
    send(&cluster, &["a0", "a1", "b0", "b1"]).await;
    let mut old = join(&cluster);
    let mut moving = receive(&mut old).await;
    let mut new = join(&cluster);
    assert!(is_quiet(&mut new).await, "nothing is free yet");

    let told = receive(&mut old).await;
    let [Change::Revoking { assignments, until }] = &told.changes[..] else { panic!("{told:?}") };
    let partition = assignments[0].partition;
    assert_eq!(assignments.len(), 1);
    moving.deliveries.retain(|delivery| delivery.partition == partition);
    Handover { cluster, old, new, moving, partition, until: (*until).into() }
}

#[tokio::test(start_paused = true)]
async fn a_revoking_partition_is_let_go_with_its_last_token_and_not_before() {
    let mut handover = handover(MemoryConfig::new()).await;
    let out = tokens(&handover.moving);
    handover.old.acknowledge(&out[..1], &[]);
    assert!(is_quiet(&mut handover.new).await);
    send(&handover.cluster, &["a2", "b2"]).await;
    let inbound = receive(&mut handover.old).await;
    assert_eq!(inbound.deliveries.len(), 1, "nothing more of what is asked back");
    assert_ne!(inbound.deliveries[0].partition, handover.partition);

    handover.old.acknowledge(&[], &out[1..]);
    let committed = handover.cluster.committed(GROUP, &topic(), handover.partition);
    assert_eq!(committed, Some(1), "what is finished is committed as it goes");
    let inbound = receive(&mut handover.new).await;
    assert_eq!(changes(&inbound), [("assigned", vec![handover.partition])]);
    let offsets: Vec<i64> = inbound.deliveries.iter().map(|delivery| delivery.offset).collect();
    assert_eq!(offsets, [1, 2], "the one given up comes again");
}

#[tokio::test(start_paused = true)]
async fn at_its_deadline_a_revoking_partition_is_let_go_whatever_is_out() {
    let config = MemoryConfig::new().with_revoke_timeout(Duration::from_secs(3));
    let mut handover = handover(config).await;
    let out = tokens(&handover.moving);
    handover.old.acknowledge(&out[..1], &[]);
    let inbound = receive(&mut handover.new).await;
    assert_eq!(Instant::now(), handover.until, "woken by the deadline alone");
    assert_eq!(changes(&inbound), [("assigned", vec![handover.partition])]);
    assert_eq!(inbound.deliveries[0].offset, 1, "what was finished by then is committed");

    handover.old.acknowledge(&out[1..], &[]);
    handover.old.commit().await.unwrap();
    let committed = handover.cluster.committed(GROUP, &topic(), handover.partition);
    assert_eq!(committed, Some(1), "a stale token is ignored");
    assert!(is_quiet(&mut handover.old).await, "it knew the deadline: nothing more is told");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_back_after_the_deadline_is_stale_though_nobody_noticed_it() {
    let mut handover = handover(MemoryConfig::new()).await;
    tokio::time::sleep_until(handover.until).await;
    handover.old.acknowledge(&tokens(&handover.moving), &[]);
    handover.old.commit().await.unwrap();
    let inbound = receive(&mut handover.new).await;
    assert_eq!(inbound.deliveries[0].offset, 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_commits_nothing_and_wakes_its_heirs() {
    let mut handover = handover(MemoryConfig::new()).await;
    let out = tokens(&handover.moving);
    handover.old.acknowledge(&out, &[]);
    drop(receive(&mut handover.new).await);
    let waiting = tokio::spawn(async move { receive(&mut handover.new).await });
    tokio::task::yield_now().await;
    drop(handover.old);
    let inbound = waiting.await.unwrap();
    assert_eq!(changes(&inbound), [("assigned", vec![1 - handover.partition])]);
    assert_eq!(inbound.deliveries[0].offset, 0);
}

#[tokio::test(start_paused = true)]
async fn an_expelled_member_has_lost_everything_and_joins_anew() {
    let cluster = cluster(2);
    send(&cluster, &["a", "b"]).await;
    let (mut first, mut second) = (join(&cluster), join(&cluster));
    let out = tokens(&receive(&mut first).await);
    receive(&mut second).await;
    assert!(cluster.expel(first.member()));

    let inbound = receive(&mut second).await;
    assert_eq!(changes(&inbound), [("assigned", vec![1])]);
    assert_eq!(values(&inbound.deliveries), ["b"]);
    let inbound = receive(&mut first).await;
    assert_eq!(changes(&inbound), [("lost", vec![1])], "the partitions are held by the second");
    first.acknowledge(&out, &[]);
    first.commit().await.unwrap();
    assert_eq!(cluster.committed(GROUP, &topic(), 1), None);

    let told = receive(&mut second).await;
    assert_eq!(told.changes.len(), 1, "one of its two is asked back: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn eager_takes_everything_back_before_it_gives_anything_out() {
    let cluster = cluster_with(eager(), 2);
    send(&cluster, &["a", "b"]).await;
    let mut first = join(&cluster);
    let inbound = receive(&mut first).await;
    let mut second = join(&cluster);
    assert_eq!(changes(&receive(&mut first).await), [("revoking", vec![0, 1])]);

    let out = tokens(&inbound);
    first.acknowledge(&out[..1], &[]);
    let quiet = is_quiet(&mut first).await && is_quiet(&mut second).await;
    assert!(quiet, "one partition is free, but the other is not");
    first.acknowledge(&out[1..], &[]);
    let mut owned: Vec<i32> = Vec::new();
    for consumer in [&mut first, &mut second] {
        let inbound = receive(consumer).await;
        let [(name, partitions)] = &changes(&inbound)[..] else { panic!("{inbound:?}") };
        assert_eq!((*name, partitions.len()), ("assigned", 1));
        owned.extend(partitions);
    }
    owned.sort_unstable();
    assert_eq!(owned, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn cooperative_moves_no_more_than_it_must() {
    let cluster = cluster(4);
    let mut first = join(&cluster);
    receive(&mut first).await;
    let mut second = join(&cluster);
    let moved = changes(&receive(&mut first).await);
    let [("revoking", moved)] = &moved[..] else { panic!("{moved:?}") };
    assert_eq!(moved.len(), 2);
    assert_eq!(changes(&receive(&mut second).await), [("assigned", moved.clone())]);
}

#[tokio::test(start_paused = true)]
async fn a_member_beyond_the_partitions_waits_for_one() {
    let cluster = cluster(1);
    let mut first = join(&cluster);
    receive(&mut first).await;
    let mut second = join(&cluster);
    assert!(is_quiet(&mut first).await && is_quiet(&mut second).await);
    drop(first);
    assert_eq!(changes(&receive(&mut second).await), [("assigned", vec![0])]);
}

#[tokio::test(start_paused = true)]
async fn only_a_member_that_does_not_receive_is_expelled() {
    let config = MemoryConfig::new().with_session_timeout(Some(Duration::from_secs(10)));
    let cluster = cluster_with(config, 2);
    let (mut idle, mut waiting) = (join(&cluster), join(&cluster));
    receive(&mut idle).await;
    receive(&mut waiting).await;
    let start = Instant::now();
    let inbound = receive(&mut waiting).await;
    assert_eq!(changes(&inbound), [("assigned", vec![1])]);
    assert_eq!(start.elapsed(), Duration::from_secs(10));

    let back = changes(&receive(&mut idle).await);
    assert_eq!(back, [("lost", vec![1]), ("assigned", vec![0])], "what moves has no token out");
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_waiting_is_as_good_as_an_hour_of_work() {
    let config = MemoryConfig::new().with_session_timeout(Some(Duration::from_secs(10)));
    let cluster = cluster_with(config, 2);
    let (mut first, mut second) = (join(&cluster), join(&cluster));
    receive(&mut first).await;
    receive(&mut second).await;
    let (mut into_first, mut into_second) = (Inbound::default(), Inbound::default());
    let both = async {
        tokio::select! {
            told = first.receive(&mut into_first, ROOM) => told,
            told = second.receive(&mut into_second, ROOM) => told,
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(3_600), both).await;
    assert!(told.is_err(), "{into_first:?} {into_second:?}");
}

#[tokio::test]
async fn two_groups_both_see_everything_from_the_first_record() {
    let cluster = cluster(1);
    send(&cluster, &["a", "b"]).await;
    for group in ["one", "two"] {
        let mut consumer = cluster.consumer(group, &[topic()]).unwrap();
        assert_eq!(values(&receive(&mut consumer).await.deliveries), ["a", "b"]);
    }
}
