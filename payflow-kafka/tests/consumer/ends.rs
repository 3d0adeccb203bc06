//! What goes by the ends of partitions, where there is nothing to read.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use payflow_core::{Redrive, RedriveConfig, RedriveEnd};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig};

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_redrive_of_empty_and_committed_partitions_is_complete() {
    let cluster = Cluster::with_partitions(3).await;
    cluster.send(&cluster.producer(), 1, 0..5).await;
    cluster.commit_elsewhere(1, 5).await;

    let kafka = KafkaConfig::new(&cluster.brokers);
    let producer = KafkaProducer::new(&kafka, &KafkaProducerConfig::new()).expect("the settings are good");
    let redrive = Redrive::new(cluster.consumer(), Arc::new(producer), RedriveConfig::new());
    let run = tokio::time::timeout(Duration::from_secs(60), redrive.run(pending()));
    let report = run.await.expect("it ends").expect("the consumer works");
    assert_eq!((report.end, report.counts.sent), (RedriveEnd::Complete, 0));
}
