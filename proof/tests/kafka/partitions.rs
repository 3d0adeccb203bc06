//! A key goes where the clients beside payflow send it.

use payflow_core::{Producer as _, Record};
use payflow_kafka::{KafkaProducer, KafkaProducerConfig, Partitioner};

use crate::cluster::Cluster;
use crate::recorded::{self, RecordedKey};

const SIZES: [i32; 3] = [1, 3, 8];

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn each_key_goes_where_java_sends_it() {
    check(Partitioner::Murmur2Random, |key, partitions| key.murmur2.of(partitions));
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn each_key_goes_where_go_sends_it() {
    check(Partitioner::Fnv1aRandom, |key, partitions| key.fnv1a.of(partitions));
}

fn check(partitioner: Partitioner, expected: impl Fn(&RecordedKey, i32) -> i32) {
    let keys: Vec<RecordedKey> = recorded::few_keys().collect();
    assert!(keys.len() > 40, "{} keys are recorded", keys.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for partitions in SIZES {
        let cluster = Cluster::with_partitions(partitions);
        let records =
            keys.iter().map(|key| Record::new(cluster.topic.clone(), "x").with_key(key.key.clone()));
        let sent = runtime.block_on(async {
            let config = KafkaProducerConfig::new().with_partitioner(partitioner);
            let producer = KafkaProducer::new(&cluster.config(), &config).expect("the settings are good");
            producer.send_all(records.collect()).await
        });
        assert_eq!(sent.len(), keys.len());
        for (key, receipt) in keys.iter().zip(sent) {
            let chosen = receipt.expect("it is written").partition;
            let name = String::from_utf8_lossy(&key.key);
            assert_eq!(chosen, expected(key, partitions), "{name:?} of {partitions} partitions");
        }
    }
}
