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
        (&["lag", "--help"], &["Examples:", "PAYFLOW_GROUP", "--watch", "PAYFLOW_CONFIG"]),
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
    for arguments in [&["lag"][..], &["dead-letters", "list"], &["dead-letters", "redrive", "--dry-run"]] {
        let ended = run(&[arguments, &["--kafka-brokers", "http://kafka"]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for part in ["flag --kafka-brokers", "http://kafka", "such as kafka-1:9092"] {
            assert!(ended.err.contains(part), "{ended:?}");
        }
    }
}

/// A settings file of a test's own.
fn file(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("payflow-cli-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, text).expect("a temporary file");
    path.to_str().expect("text").to_owned()
}

#[test]
fn what_the_settings_file_says_counts_where_no_flag_and_no_variable_does() {
    let wrong = file(
        "wrong",
        "kafka_brokers = '127.0.0.1:1'\ncurrency = 'EUR'\npartitioner = 'crc32'\ntopic = 'a b'\ngroup = 'c d'\n",
    );
    let redrive = ["dead-letters", "redrive", "--dead-letter-topic", "dead"];
    for (arguments, part) in [
        (&["lag", "--config", &wrong][..], "line 5, key group"),
        (&["dead-letters", "list", "--config", &wrong], "line 4, key topic"),
        (&[&redrive[..], &["--config", &wrong]].concat(), "line 3, key partitioner"),
        (&["lag", "--config", &wrong, "--group", "e f"], "flag --group"),
        (&["lag", "--config", &wrong, "--kafka-brokers", "kafka"], "flag --kafka-brokers"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {ended:?}");
    }

    let by_variable = |more: &[(&str, &str)]| {
        let mut command = payflow(&["lag"]);
        command.env("PAYFLOW_CONFIG", &wrong).envs(more.iter().copied());
        Ended::of(command.output().expect("the program was built"))
    };
    assert!(by_variable(&[]).err.contains("line 5, key group"));
    let told = by_variable(&[("PAYFLOW_GROUP", "g h")]);
    assert!(told.err.contains("environment variable PAYFLOW_GROUP"), "{told:?}");
    std::fs::remove_file(wrong).expect("the file");
}

#[test]
fn a_settings_file_that_cannot_be_used_ends_the_tool() {
    let unknown = file("unknown", "kafka_brokers = '127.0.0.1:1'\npartitoner = 'fnv1a_random'\n");
    for (path, part) in [("/no/such.toml", "flag --config"), (&unknown, "\"partitoner\"; the known ones are")]
    {
        let ended = run(&["lag", "--config", path]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(part) && ended.err.contains(path), "{ended:?}");
    }
    std::fs::remove_file(unknown).expect("the file");
}

#[test]
fn brokers_that_do_not_answer_are_told_with_what_to_look_at() {
    let ended = run(&["lag", "--kafka-brokers", "127.0.0.1:1"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.err.contains("--kafka-brokers (PAYFLOW_KAFKA_BROKERS)"), "{ended:?}");
}
