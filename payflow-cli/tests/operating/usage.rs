//! What the program says when it is told nothing, or nonsense. No broker is needed.

use crate::harness::{Ended, payflow};

fn run(arguments: &[&str]) -> Ended {
    Ended::of(payflow(arguments).output().expect("the program was built"))
}

#[test]
fn help_teaches_with_examples_and_names_the_variables() {
    for (arguments, parts) in [
        (&["--help"][..], &["dead-letters", "lag", "Exit codes"][..]),
        (
            &["dead-letters", "list", "--help"],
            &["Examples:", "PAYFLOW_KAFKA_BROKERS", "--since", "--show-keys"],
        ),
        (
            &["dead-letters", "show", "--help"],
            &["Examples:", "3@1207", "--value", "PAYFLOW_DEAD_LETTER_TOPIC"],
        ),
        (
            &["dead-letters", "redrive", "--help"],
            &[
                "Examples:",
                "--dry-run",
                "--first",
                "--include-unknown",
                "--max-round-trips",
                "PAYFLOW_PARTITIONER",
            ],
        ),
        (&["lag", "--help"], &["Examples:", "PAYFLOW_GROUP", "--watch"]),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        for part in parts {
            assert!(ended.out.contains(part), "{arguments:?}: {part} is not in\n{}", ended.out);
        }
    }
}

#[test]
fn what_is_missing_is_told_with_its_flag_its_variable_and_an_example() {
    for arguments in [&["lag"][..], &["dead-letters", "list"], &["dead-letters", "show", "0@0"]] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for part in ["--kafka-brokers", "PAYFLOW_KAFKA_BROKERS", "such as kafka-1:9092"] {
            assert!(ended.err.contains(part), "{ended:?}");
        }
    }
}

#[test]
fn nonsense_is_refused_with_what_would_be_right() {
    let with = |arguments: &[&'static str]| {
        [&["dead-letters"], arguments, &["--kafka-brokers", "127.0.0.1:1"]].concat()
    };
    for (arguments, parts) in [
        (with(&["list", "--since", "yesterday"]), ["--since", "such as 90m or 2h"]),
        (with(&["list", "--fault", "poison"]), ["--fault", "transient, permanent, unknown or fatal"]),
        (with(&["list", "--topic", "a b"]), ["--topic", "is not a topic name"]),
        (
            with(&["list", "--dead-letter-topic", "a b"]),
            ["flag --dead-letter-topic", "such as payment-topic.dead-letters"],
        ),
        (with(&["list", "--group", "a b"]), ["flag --group", "such as notification-service"]),
        (with(&["show", "7"]), ["7", "PARTITION@OFFSET"]),
        (with(&["redrive", "--rate", "0"]), ["--rate", "1..=100000"]),
        (
            with(&["redrive", "--partitioner", "crc32"]),
            ["flag --partitioner", "murmur2_random or fnv1a_random"],
        ),
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        for part in parts {
            assert!(ended.err.contains(part), "{arguments:?}: {part} is not in\n{}", ended.err);
        }
    }
}

#[test]
fn brokers_that_are_no_brokers_are_told_by_their_setting() {
    let ended = run(&["lag", "--kafka-brokers", "http://kafka"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("brokers") && ended.err.contains("host:port"), "{ended:?}");
}

#[test]
fn brokers_that_do_not_answer_are_told_with_what_to_look_at() {
    let ended = run(&["lag", "--kafka-brokers", "127.0.0.1:1"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.err.contains("--kafka-brokers (PAYFLOW_KAFKA_BROKERS)"), "{ended:?}");
}
