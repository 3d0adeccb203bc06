//! `payment-service` as a process: what it is told, what it takes, and what it does while Kafka is away.

mod grpc;
#[path = "../harness/mod.rs"]
mod harness;
mod outage;
mod pays;
mod settings;
mod topics;

use harness::{Program, service};

/// The service with these arguments, on a free port.
fn start(brokers: &str, topic: &str, more: &[&str]) -> Program {
    Program::start(service(SERVICE, &arguments(brokers, topic)).args(more))
}

fn arguments<'a>(brokers: &'a str, topic: &'a str) -> [&'a str; 8] {
    ["--kafka-brokers", brokers, "--topic", topic, "--currency", "EUR", "--http-addr", "127.0.0.1:0"]
}

const SERVICE: &str = env!("CARGO_BIN_EXE_payment-service");
