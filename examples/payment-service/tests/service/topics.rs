//! The topic at the start: missing, created, or not safe enough.

use crate::harness::{Kafka, shared_brokers, unique, warnings};
use crate::start;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn missing_topic_ends_the_start_with_its_name_and_the_remedy() {
    let topic = unique("payments");

    let ended = start(&shared_brokers(), &topic, &[]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = ended.log.iter().filter(|line| line.contains("ERROR")).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{ended:?}");
    assert!(told[0].contains(&topic) && told[0].contains("--ensure-topics"), "{ended:?}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn missing_topic_is_created_when_asked_for_and_a_single_copy_is_one_warning() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let kafka = Kafka::new(&brokers);

    let program = start(&brokers, &topic, &["--ensure-topics", "--partitions", "3", "--replication", "1"]);
    program.ready();
    program.signal("TERM");
    let ended = program.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(kafka.partitions(&topic), 3);
    assert_eq!(kafka.topic_setting(&topic, "min.insync.replicas"), "1");
    let warnings = warnings(&ended.log);
    assert_eq!(warnings.len(), 1, "{ended:?}");
    assert!(warnings[0].contains(&topic) && warnings[0].contains("single copy"), "{ended:?}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn topic_that_is_there_is_left_as_it_is() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let kafka = Kafka::new(&brokers);
    kafka.create_topic(&topic, 2);

    let program = start(&brokers, &topic, &["--ensure-topics", "--partitions", "5"]);
    program.ready();

    assert_eq!(kafka.partitions(&topic), 2);
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn more_copies_than_brokers_is_told_with_the_reason() {
    let topic = unique("payments");

    let ended = start(&shared_brokers(), &topic, &["--ensure-topics", "--replication", "9"]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.log.iter().any(|line| line.contains("ERROR") && line.contains(&topic)), "{ended:?}");
}
