//! The in-process transport keeps the contracts of `Producer` and `Consumer`.
#![cfg(feature = "memory")]
// Clippy knows a helper of an integration test for no test code.
#![allow(clippy::unwrap_used)]

mod acknowledging;
mod faults;
mod notifier;
mod rebalancing;
mod receiving;
mod remembering;
mod sending;

use std::time::Duration;

use payflow_core::{
    AckToken, Change, Consumer, Delivery, Inbound, MemoryCluster, MemoryConfig, MemoryConsumer, Producer,
    RebalanceProtocol, Record, Room, Topic,
};

const GROUP: &str = "g";
const ROOM: Room = Room { records: 100, bytes: 1 << 20, first_may_exceed: true };

fn topic() -> Topic {
    Topic::parse("payment-topic").unwrap()
}

fn cluster(partitions: u32) -> MemoryCluster {
    cluster_with(MemoryConfig::new(), partitions)
}

fn cluster_with(config: MemoryConfig, partitions: u32) -> MemoryCluster {
    let cluster = MemoryCluster::with_config(config);
    cluster.create_topic(&topic(), partitions).unwrap();
    cluster
}

fn join(cluster: &MemoryCluster) -> MemoryConsumer {
    cluster.consumer(GROUP, &[topic()]).unwrap()
}

/// Sends records without a key: to each partition in turn.
async fn send(cluster: &MemoryCluster, values: &[&str]) {
    let records = values.iter().map(|value| Record::new(topic(), (*value).to_owned())).collect();
    for sent in cluster.producer().send_all(records).await {
        let _ = sent.unwrap();
    }
}

async fn receive(consumer: &mut MemoryConsumer) -> Inbound {
    receive_within(consumer, ROOM).await
}

async fn receive_within(consumer: &mut MemoryConsumer, room: Room) -> Inbound {
    let mut into = Inbound::default();
    // A wake-up that is lost fails the test; it does not hang it.
    let received = tokio::time::timeout(Duration::from_secs(60), consumer.receive(&mut into, room));
    received.await.expect("nothing happened").unwrap();
    into
}

/// Whether nothing is there to be received just now.
async fn is_quiet(consumer: &mut MemoryConsumer) -> bool {
    let mut into = Inbound::default();
    tokio::select! {
        biased;
        received = consumer.receive(&mut into, ROOM) => panic!("{received:?} {into:?}"),
        () = tokio::time::sleep(Duration::from_millis(1)) => into.is_empty(),
    }
}

fn tokens(inbound: &Inbound) -> Vec<AckToken> {
    inbound.deliveries.iter().map(|delivery| delivery.token).collect()
}

fn values<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Vec<&'a str> {
    deliveries.into_iter().map(|delivery| std::str::from_utf8(delivery.value().unwrap()).unwrap()).collect()
}

/// The partitions of each change, by its name.
fn changes(inbound: &Inbound) -> Vec<(&'static str, Vec<i32>)> {
    inbound
        .changes
        .iter()
        .map(|change| {
            let (name, assignments) = match change {
                Change::Assigned(assignments) => ("assigned", assignments),
                Change::Revoking { assignments, .. } => ("revoking", assignments),
                Change::Lost(assignments) => ("lost", assignments),
            };
            (name, assignments.iter().map(|assignment| assignment.partition).collect())
        })
        .collect()
}

fn eager() -> MemoryConfig {
    MemoryConfig::new().with_protocol(RebalanceProtocol::Eager)
}
