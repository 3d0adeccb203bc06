//! What the service is told. No broker is needed: nothing of this reaches one.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::{Ended, Program, await_status, get, service};
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
        ("PAYFLOW_GROUP", "my group", "such as notification-service"),
        ("PAYFLOW_DEAD_LETTER_TOPIC", "payment-topic", "own topic"),
        ("PAYFLOW_HTTP_ADDR", "http://localhost", "is a URL"),
        ("PAYFLOW_GRPC_ADDR", "localhost", "such as 127.0.0.1"),
        ("PAYFLOW_NOTIFY_URL", "notify.example:50051", "no http://"),
    ] {
        let right = [("PAYFLOW_CURRENCY", "EUR"), ("PAYFLOW_KAFKA_BROKERS", "127.0.0.1:1")];
        let ended = ended(service(SERVICE, &[]).envs(right).env(variable, value));

        assert_eq!(ended.code, Some(2), "{variable}: {ended:?}");
        assert!(ended.log[0].contains(variable) && ended.log[0].contains(part), "{ended:?}");
    }
}

#[test]
fn help_names_every_setting_with_its_variable_and_default() {
    let output = service(SERVICE, &["--help"]).output().expect("the program was built");

    let help = String::from_utf8(output.stdout).expect("text");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    for part in [
        "--ensure-topics",
        "[env: PAYFLOW_HTTP_ADDR] [default: 127.0.0.1:8081]",
        "[env: PAYFLOW_GRPC_ADDR] [default: 127.0.0.1:50051]",
        "[env: PAYFLOW_NOTIFY_URL]",
        "[env: PAYFLOW_TOPIC] [default: payment-topic]",
        "[env: PAYFLOW_DEAD_LETTER_TOPIC] [default: payment-topic.dead-letters;",
        "[env: PAYFLOW_GROUP] [default: notification-service]",
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

    let arguments = ["--kafka-brokers", "127.0.0.1:1", "--currency", "EUR", "--http-addr", &address];
    let ended = ended(&mut service(SERVICE, &arguments));

    assert_eq!(ended.code, Some(1));
    for part in [&address, "--http-addr", "PAYFLOW_HTTP_ADDR"] {
        assert!(ended.log.iter().any(|line| line.contains("ERROR") && line.contains(part)), "{ended:?}");
    }
}

#[test]
fn service_that_never_saw_a_broker_is_live_and_not_ready_and_ends_when_it_is_told_to() {
    let program = start("127.0.0.1:1", "payment-topic", &[]);
    let line = program.line_with("nothing is received until Kafka answers");
    assert!(line.contains("brokers=\"127.0.0.1:1\"") && line.contains("--kafka-brokers"), "{line}");
    let address = program.address();

    assert_eq!(get(&address, "/livez").status, 200);
    await_status(&address, "/readyz", 503);
    assert_eq!(get(&address, "/pay").status, 404);
    program.signal("TERM");

    assert_eq!(program.end().code, Some(0));
}
