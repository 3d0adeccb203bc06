//! What the service is told. No broker is needed: nothing of this reaches one.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::{Ended, Program, service};
use crate::{SERVICE, start};

fn ended(command: &mut Command) -> Ended {
    Program::start(command).end()
}

#[test]
fn currency_and_brokers_have_no_default_and_both_are_told_with_what_to_set() {
    let ended = ended(&mut service(SERVICE, &[]));

    assert_eq!(ended.code, Some(2));
    for part in ["--kafka-brokers", "PAYFLOW_KAFKA_BROKERS", "--currency", "PAYFLOW_CURRENCY", "such as EUR"]
    {
        assert!(ended.log.iter().any(|line| line.starts_with("error: ") && line.contains(part)), "{ended:?}");
    }
}

#[test]
fn wrong_values_are_refused_each_with_what_would_be_right() {
    for (variable, value, part) in [
        ("PAYFLOW_CURRENCY", "euro", "ISO 4217"),
        ("PAYFLOW_KAFKA_BROKERS", "localhost", "without a port"),
        ("PAYFLOW_TOPIC", "payment topic", "no topic name"),
        ("PAYFLOW_PARTITIONER", "crc32", "murmur2_random or fnv1a_random"),
        ("PAYFLOW_HTTP_ADDR", "8080", "has no port"),
    ] {
        let right = [("PAYFLOW_CURRENCY", "EUR"), ("PAYFLOW_KAFKA_BROKERS", "127.0.0.1:1")];
        let ended = ended(service(SERVICE, &[]).envs(right).env(variable, value));

        assert_eq!(ended.code, Some(2), "{variable}: {ended:?}");
        assert!(ended.log[0].contains(variable) && ended.log[0].contains(part), "{ended:?}");
    }
}

#[test]
fn sizes_of_topics_count_only_where_topics_are_created() {
    for (flags, part) in [
        (&["--partitions", "3"][..], "--ensure-topics"),
        (&["--replication", "3"], "--ensure-topics"),
        (&["--ensure-topics", "--partitions", "0"], "--partitions"),
        (&["--ensure-topics", "--replication", "many"], "--replication"),
    ] {
        let ended = ended(&mut service(SERVICE, flags));

        assert_eq!(ended.code, Some(2), "{flags:?}");
        assert!(ended.log.iter().any(|line| line.contains(part)), "{ended:?}");
    }
}

#[test]
fn help_names_every_setting_with_its_variable_and_default() {
    let output = service(SERVICE, &["--help"]).output().expect("the program was built");

    let help = String::from_utf8(output.stdout).expect("text");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    for part in [
        "POST /pay",
        "--ensure-topics",
        "[env: PAYFLOW_HTTP_ADDR] [default: 127.0.0.1:8080]",
        "[env: PAYFLOW_TOPIC] [default: payment-topic]",
        "[env: PAYFLOW_PARTITIONER] [default: murmur2_random]",
        "[env: PAYFLOW_KAFKA_BROKERS]",
        "[env: PAYFLOW_CURRENCY]",
    ] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
}

#[test]
fn taken_address_is_told_with_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();

    // What is told last counts.
    let program = Program::start(
        service(SERVICE, &["--kafka-brokers", "127.0.0.1:1", "--currency", "EUR"])
            .args(["--http-addr", &address]),
    );
    let ended = program.end();

    assert_eq!(ended.code, Some(1));
    for part in [&address, "--http-addr", "PAYFLOW_HTTP_ADDR"] {
        assert!(ended.log.iter().any(|line| line.contains("ERROR") && line.contains(part)), "{ended:?}");
    }
}

#[test]
fn log_in_json_is_json_to_the_last_line() {
    let program = start("127.0.0.1:1", "payment-topic", &["--log", "json"]);
    let address = program.address();
    assert!(!address.is_empty());

    program.signal("TERM");
    let ended = program.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.log.iter().all(|line| line.starts_with('{') && line.ends_with('}')), "{ended:?}");
}
