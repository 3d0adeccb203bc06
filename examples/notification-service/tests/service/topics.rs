//! The topics at the start: missing, created, or unfit for each other.

use crate::harness::{Kafka, shared_brokers, unique};
use crate::start;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn both_missing_topics_are_one_error_with_their_names_and_the_remedy() {
    let topic = unique("payments");

    let ended = start(&shared_brokers(), &topic, &[]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = ended.log.iter().filter(|line| line.contains("ERROR")).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{ended:?}");
    for part in [&format!("{topic},"), &format!("{topic}.dead-letters"), "--ensure-topics"] {
        assert!(told[0].contains(part), "{ended:?}");
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn created_dead_letter_topic_takes_the_largest_record_and_its_reasons() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let dead_letters = format!("{topic}.dead-letters");
    let kafka = Kafka::new(&brokers);

    let program = start(&brokers, &topic, &["--ensure-topics", "--partitions", "3"]);
    program.ready();

    assert_eq!((kafka.partitions(&topic), kafka.partitions(&dead_letters)), (3, 3));
    let limit =
        |topic: &str| -> usize { kafka.topic_setting(topic, "max.message.bytes").parse().expect("a number") };
    assert_eq!(limit(&dead_letters), limit(&topic) + 8 * 1024);
    let warnings = program.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("single copy"), "{warnings:?}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn dead_letter_topic_that_is_too_small_ends_the_start_with_what_to_set() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let kafka = Kafka::new(&brokers);
    kafka.create_topic(&topic, 1);
    kafka.create_topic(&format!("{topic}.dead-letters"), 1);

    let ended = start(&brokers, &topic, &[]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = ended.log.iter().find(|line| line.contains("ERROR")).expect("an error");
    assert!(told.contains("max.message.bytes") && told.contains(".dead-letters"), "{ended:?}");
}
