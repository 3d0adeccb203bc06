//! What a consumer that ends leaves behind.

use std::time::Duration;

use payflow_core::Consumer as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::cluster::{Cluster, finish, offsets, receive};

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
    let (native, group) = (cluster.native(), cluster.group.clone());
    let asking = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = native.create().expect("the settings are good");
        let groups =
            client.fetch_group_list(Some(&group), Duration::from_secs(30)).expect("the broker answers");
        groups.groups().iter().map(|group| group.members().len()).sum()
    });
    asking.await.expect("nothing panics")
}
