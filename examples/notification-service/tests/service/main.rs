//! `notification-service` as a process: what it is told, what it notifies, and what it does while Kafka is away.

mod handover;
#[path = "../../../payment-service/tests/harness/mod.rs"]
mod harness;
mod outage;
mod path;
mod remote;
mod settings;
mod topics;

use std::path::Path;

use harness::{Program, service};

/// The service with these arguments, in the group of the topic's name, on a free port.
fn start(brokers: &str, topic: &str, more: &[&str]) -> Program {
    let arguments = arguments(brokers, topic);
    let mut command = service(SERVICE, &arguments);
    Program::start(command.env("PAYFLOW_GRPC_ADDR", "127.0.0.1:0").args(["--group", topic]).args(more))
}

/// The other service, which is built beside this one.
fn start_payment_service(brokers: &str, topic: &str) -> Program {
    let path = Path::new(SERVICE).with_file_name("payment-service");
    assert!(path.exists(), "{} is not built: run cargo build -p payment-service", path.display());
    Program::start(&mut service(path.to_str().expect("text"), &arguments(brokers, topic)))
}

fn arguments<'a>(brokers: &'a str, topic: &'a str) -> [&'a str; 8] {
    ["--kafka-brokers", brokers, "--topic", topic, "--currency", "EUR", "--http-addr", "127.0.0.1:0"]
}

/// The payment ids of the notifications in a log, each as often as it stands there.
fn notified(log: &[String]) -> Vec<String> {
    let id = |line: &String| {
        let (_, rest) = line.split_once(NOTIFICATION)?;
        rest.split(' ').next().map(str::to_owned)
    };
    log.iter().filter_map(id).collect()
}

const NOTIFICATION: &str = "notification payment_id=";
const SERVICE: &str = env!("CARGO_BIN_EXE_notification-service");
