//! Partitions read to their end while records arrive and partitions come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payflow_core::{AckToken, Change, Consumer as _, Inbound, RebalanceProtocol};
use payflow_kafka::{KafkaConsumer, KafkaConsumerConfig};

use crate::cluster::{Cluster, ROOM};

const PARTITIONS: i32 = 4;
const MEMBERS_THAT_COME_AND_GO: usize = 4;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn cooperative_rebalances_at_the_end_skip_nothing_and_repeat_nothing() {
    at_the_end(RebalanceProtocol::Cooperative).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn eager_rebalances_at_the_end_skip_nothing_and_repeat_nothing() {
    at_the_end(RebalanceProtocol::Eager).await;
}

/// Each rebalance pauses and resumes every partition, at its end most of the time: records come one by one.
async fn at_the_end(protocol: RebalanceProtocol) {
    let cluster = Arc::new(Cluster::with_partitions(PARTITIONS).await);
    let config = KafkaConsumerConfig::new(&cluster.group).with_protocol(protocol);
    let stop = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn(send_until(Arc::clone(&cluster), Arc::clone(&stop)));

    let mut stayer = Member::new(cluster.consumer_with(config.clone()));
    for _ in 0..MEMBERS_THAT_COME_AND_GO {
        let mut guest = Member::new(cluster.consumer_with(config.clone()));
        // Until it holds something and has read of it.
        while guest.read == 0 {
            tokio::select! {
                biased;
                () = guest.step() => {}
                () = stayer.step() => {}
            }
        }
        tokio::select! {
            biased;
            () = guest.leave() => {}
            () = async { loop { stayer.step().await } } => {}
        }
    }
    stop.store(true, Ordering::Relaxed);
    let sent = sending.await.expect("nothing panics");
    while stayer.committed(&cluster).await < sent.iter().sum() {
        stayer.step().await;
    }
    for (partition, sent) in (0..).zip(sent) {
        assert_eq!(cluster.committed(partition).await, Some(sent));
    }
}

/// Sends to each partition in turn until it is told to stop, and says how many each got.
async fn send_until(cluster: Arc<Cluster>, stop: Arc<AtomicBool>) -> Vec<i64> {
    let producer = cluster.producer();
    let mut sent = vec![0; PARTITIONS as usize];
    for round in 0.. {
        for (partition, sent) in (0..).zip(&mut sent) {
            cluster.send(&producer, partition, round..round + 1).await;
            *sent += 1;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    sent
}

/// Finishes all at once, and checks that no offset is skipped or repeated within an assignment, nor behind what was
/// committed by the one before.
struct Member {
    consumer: KafkaConsumer,
    /// By slot: the generation, the partition, and the offset that comes next.
    next: BTreeMap<u32, (u32, i32, Option<i64>)>,
    read: usize,
}

impl Member {
    fn new(consumer: KafkaConsumer) -> Self {
        Self { consumer, next: BTreeMap::new(), read: 0 }
    }

    async fn step(&mut self) {
        let mut inbound = Inbound::default();
        let received =
            tokio::time::timeout(Duration::from_secs(60), self.consumer.receive(&mut inbound, ROOM)).await;
        received.expect("records arrive all the time").expect("the consumer works");
        for change in &inbound.changes {
            match change {
                Change::Assigned(assignments) => {
                    let new = assignments.iter().map(|one| (one.slot, (one.generation, one.partition, None)));
                    self.next.extend(new);
                }
                Change::Revoking { assignments, .. } | Change::Lost(assignments) => {
                    for assignment in assignments {
                        self.next.remove(&assignment.slot);
                    }
                }
            }
        }
        for delivery in &inbound.deliveries {
            let (generation, partition, next) =
                self.next.get_mut(&delivery.token.slot()).expect("it is of an assigned partition");
            assert_eq!((*generation, *partition), (delivery.token.generation(), delivery.partition));
            if let Some(next) = *next {
                assert_eq!(delivery.offset, next, "partition {partition}");
            }
            *next = Some(delivery.offset + 1);
        }
        self.read += inbound.deliveries.len();
        let tokens: Vec<AckToken> = inbound.deliveries.iter().map(|delivery| delivery.token).collect();
        self.consumer.acknowledge(&tokens, &[]);
    }

    async fn leave(&mut self) {
        self.consumer.commit().await.expect("the commit succeeds");
        self.consumer.close().await;
    }

    async fn committed(&mut self, cluster: &Cluster) -> i64 {
        self.consumer.commit().await.expect("the commit succeeds");
        let mut committed = 0;
        for partition in 0..PARTITIONS {
            committed += cluster.committed(partition).await.unwrap_or(0);
        }
        committed
    }
}
