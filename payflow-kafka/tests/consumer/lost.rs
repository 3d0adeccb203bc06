//! A broker that is silent for longer than the session lasts.

use std::time::Duration;

use payflow_core::{AckToken, Change, Consumer as _, Delivery, Inbound, RebalanceProtocol};
use payflow_kafka::KafkaConsumerConfig;
use payflow_parts::KafkaBroker;

use crate::cluster::{Cluster, finish, offsets, receive, receive_until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_was_out_when_the_session_ended_comes_again_and_its_tokens_are_stale() {
    let mut broker = KafkaBroker::start().expect("a broker of its own");
    for protocol in [RebalanceProtocol::Cooperative, RebalanceProtocol::Eager] {
        lose_and_go_on(&mut broker, protocol).await;
    }
}

async fn lose_and_go_on(broker: &mut KafkaBroker, protocol: RebalanceProtocol) {
    let cluster = Cluster::on(broker.brokers().to_owned(), 1).await;
    let producer = cluster.producer();
    cluster.send(&producer, 0, 0..4).await;
    let config = KafkaConsumerConfig::new(&cluster.group)
        .with_protocol(protocol)
        .with_session_timeout(Duration::from_secs(1));
    let mut consumer = cluster.consumer_with(config);
    let before = receive(&mut consumer, 4).await;
    finish(&mut consumer, &before[..1]).await;

    broker.pause().expect("the broker can be paused");
    let lost = |inbound: &Inbound| inbound.changes.iter().any(|change| matches!(change, Change::Lost(_)));
    receive_until(&mut consumer, lost).await;
    let stale: Vec<AckToken> = before.iter().map(|delivery| delivery.token).collect();
    consumer.acknowledge(&stale, &[]);
    consumer.commit().await.expect("there is nothing to commit");

    broker.resume().expect("the broker can be resumed");
    let again = receive(&mut consumer, 3).await;
    assert_eq!(offsets(&again), [1, 2, 3], "{protocol:?}");
    let anew = |delivery: &Delivery| delivery.token.generation() != before[0].token.generation();
    assert!(again.iter().all(anew));
    finish(&mut consumer, &again).await;
    assert_eq!(cluster.committed(0).await, Some(4));
    consumer.close().await;
}
