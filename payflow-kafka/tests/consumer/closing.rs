//! What a consumer that ends leaves behind.

use std::thread;
use std::time::{Duration, Instant};

use payflow_core::{AckToken, Change, Consumer as _, Inbound, RebalanceProtocol};
use payflow_kafka::{KafkaConsumer, KafkaConsumerConfig};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::groups::GroupInfo;

use crate::cluster::{Cluster, PATIENCE, ROOM, finish, offsets, receive, receive_until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_closed_consumer_has_left_its_group() {
    let cluster = Cluster::with_partitions(1).await;
    cluster.send(&cluster.producer(), 0, 0..3).await;
    let mut consumer = cluster.consumer();
    let deliveries = receive(&mut consumer, 3).await;
    assert_eq!(members(&cluster).await, 1);
    finish(&mut consumer, &deliveries[..2]).await;
    consumer.close().await;
    assert_eq!(members(&cluster).await, 0);

    let mut next = cluster.consumer();
    assert_eq!(offsets(&receive(&mut next, 1).await), [2]);
}

async fn members(cluster: &Cluster) -> usize {
    groups(cluster, |group| group.members().len()).await
}

async fn stable_members(cluster: &Cluster) -> usize {
    groups(cluster, |group| if group.state() == "Stable" { group.members().len() } else { 0 }).await
}

/// Asks until the broker tells: one that has just started first loads what it knows of groups.
async fn groups(cluster: &Cluster, count: fn(&GroupInfo) -> usize) -> usize {
    let (native, group) = (cluster.native(), cluster.group.clone());
    let asking = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = native.create().expect("the settings are good");
        let asked = Instant::now();
        loop {
            match client.fetch_group_list(Some(&group), PATIENCE) {
                Ok(groups) => return groups.groups().iter().map(count).sum(),
                Err(error) => assert!(asked.elapsed() < PATIENCE, "{error}"),
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
    asking.await.expect("nothing panics")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_consumer_closed_while_its_partitions_are_asked_back_has_left_its_group() {
    for protocol in [RebalanceProtocol::Cooperative, RebalanceProtocol::Eager] {
        let cluster = Cluster::with_partitions(2).await;
        let producer = cluster.producer();
        for partition in 0..2 {
            cluster.send(&producer, partition, 0..3).await;
        }
        let config = KafkaConsumerConfig::new(&cluster.group)
            .with_protocol(protocol)
            .with_revoke_drain(Duration::from_secs(60));
        let mut first = cluster.consumer_with(config.clone());
        let out = receive(&mut first, 6).await;
        let mut second = cluster.consumer_with(config);
        let revoking = |inbound: &Inbound| {
            inbound.changes.iter().any(|change| matches!(change, Change::Revoking { .. }))
        };
        receive_until(&mut first, revoking).await;
        first.close().await;
        assert_eq!(members(&cluster).await, 1, "{protocol:?}");
        assert_eq!(receive(&mut second, out.len()).await.len(), out.len(), "nothing was committed");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_member_without_partitions_leaves_too() {
    for protocol in [RebalanceProtocol::Cooperative, RebalanceProtocol::Eager] {
        let cluster = Cluster::with_partitions(1).await;
        let producer = cluster.producer();
        cluster.send(&producer, 0, 0..1).await;
        let config = KafkaConsumerConfig::new(&cluster.group).with_protocol(protocol);
        let mut one = cluster.consumer_with(config.clone());
        receive(&mut one, 1).await;
        let other = cluster.consumer_with(config);
        // Two are in the group, one of which holds nothing once the group is stable.
        while stable_members(&cluster).await != 2 {
            receive_for(&mut one, Duration::from_millis(100)).await;
        }
        let mut members_left = Vec::new();
        for mut consumer in [one, other] {
            consumer.close().await;
            members_left.push(members(&cluster).await);
        }
        assert_eq!(members_left, [1, 0], "{protocol:?}");
    }
}

/// Serves rebalances, holding nothing back.
async fn receive_for(consumer: &mut KafkaConsumer, time: Duration) {
    let serving = async {
        loop {
            let mut inbound = Inbound::default();
            consumer.receive(&mut inbound, ROOM).await.expect("the consumer works");
            for change in &inbound.changes {
                if let Change::Revoking { .. } = change {
                    // The one token that is out: of the first slot and generation, at the first offset.
                    consumer.acknowledge(&[], &[AckToken::new(0, 1, 0)]);
                }
            }
        }
    };
    let _ = tokio::time::timeout(time, serving).await;
}
