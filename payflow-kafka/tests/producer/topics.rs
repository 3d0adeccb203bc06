//! Topics: found, missing, created.

use payflow_core::{Fault, Topic};
use payflow_kafka::{KafkaTopics, NewTopic};

use crate::broker::{cluster, fresh_topic};

fn topics() -> KafkaTopics {
    KafkaTopics::new(&cluster()).expect("the settings are good")
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn missing_topics_are_named_together_with_the_remedy() {
    let (one, other, there) = (fresh_topic(), fresh_topic(), fresh_topic());
    topics().ensure(&[NewTopic::new(&there)]).await.unwrap();

    let error = topics().check(&[one.clone(), there.clone(), other.clone()]).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Permanent);
    let shown = error.chain();
    assert!(shown.contains(one.as_str()) && shown.contains(other.as_str()), "{shown}");
    assert!(!shown.contains(there.as_str()) && shown.contains("create"), "{shown}");
    // Asked about, none was created.
    assert!(topics().check(&[one]).await.is_err());
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn ensure_creates_what_is_missing_and_leaves_what_is_there() {
    let (source, dead) = (fresh_topic(), fresh_topic());
    let wanted = [
        NewTopic::dead_letters(&dead, &source).with_partitions(1).with_replication(1),
        NewTopic::new(&source)
            .with_partitions(5)
            .with_replication(1)
            .with_config("min.insync.replicas", "1")
            .with_config("max.message.bytes", "2000000"),
    ];
    topics().ensure(&wanted).await.unwrap();
    let other = [NewTopic::new(&source).with_partitions(9), NewTopic::new(&source)];
    topics().ensure(&other).await.unwrap();

    let found = topics().check(&[source.clone(), dead.clone()]).await.unwrap();

    let described = |topic: &Topic| {
        let found = found.get(topic).unwrap();
        (found.partitions, found.replication, found.min_insync_replicas, found.max_message_bytes)
    };
    assert_eq!(described(&source), (5, 1, Some(1), Some(2_000_000)));
    assert_eq!(described(&dead), (1, 1, Some(1), Some(2_008_192)));
    found.check_dead_letters(&source, &dead).unwrap();
    assert_eq!(found.check_dead_letters(&dead, &source).unwrap_err().fault(), Fault::Permanent);
}

#[tokio::test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_the_cluster_refuses_is_permanent_and_named() {
    let topic = fresh_topic();
    for new in [
        NewTopic::new(&topic).with_replication(99),
        NewTopic::new(&topic).with_partitions(0),
        NewTopic::new(&topic).with_config("no.such.setting", "1"),
    ] {
        let error = topics().ensure(&[new]).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Permanent, "{}", error.chain());
    }
    let error = topics().ensure(&[NewTopic::dead_letters(&topic, &fresh_topic())]).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Permanent, "{}", error.chain());
}
