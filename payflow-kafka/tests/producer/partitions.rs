//! A key goes to the partition that Java's client, or Go's, would choose.

use payflow_core::{Producer, Record};
use payflow_kafka::{KafkaProducerConfig, Partitioner};

use crate::broker::{producer, topic};

const PARTITIONS: i32 = 8;

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn murmur2_places_keys_as_java_does() {
    // murmur2 of these keys, from the tests of Kafka's own client (UtilsTest), without the sign bit.
    let hashes = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    let expected = hashes.map(|(key, hash): (_, i32)| (key, (hash & i32::MAX) % PARTITIONS));
    places(Partitioner::Murmur2Random, &expected).await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn fnv1a_places_keys_as_go_does() {
    // FNV-1a of 32 bits, from the test vectors of its authors (draft-eastlake-fnv); Go takes it as signed.
    let hashes: [(_, u32); 3] = [("a", 0xe40c_292c), ("b", 0xe70c_2de5), ("foobar", 0xbf9c_f968)];
    let expected = hashes.map(|(key, hash)| (key, (hash.cast_signed() % PARTITIONS).abs()));
    places(Partitioner::Fnv1aRandom, &expected).await;
}

async fn places(partitioner: Partitioner, expected: &[(&str, i32)]) {
    let topic = topic(PARTITIONS).await;
    let producer = producer(&KafkaProducerConfig::new().with_partitioner(partitioner));
    for (key, partition) in expected {
        let receipt = producer
            .send(Record::new(topic.clone(), "x").with_key((*key).to_owned()))
            .await
            .expect("it is written");
        assert_eq!(receipt.partition, *partition, "{key}");
    }
}
