//! One service hands payments on to another, which notifies, also after it was away.

use std::collections::HashSet;
use std::net::TcpListener;
use std::thread;

use crate::harness::{Kafka, Program, outage, pay, service, shared_brokers, unique};
use crate::{NOTIFICATION, SERVICE, notified, start, start_payment_service};

/// A service that notifies for others on this address, and has no payments of its own.
fn start_remote(brokers: &str, address: &str) -> Program {
    let program = start(brokers, &unique("payments"), &["--ensure-topics", "--grpc-addr", address]);
    program.line_with(address);
    program
}

/// An address for gRPC that is free, and is the same for the one that comes again.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").to_string()
}

fn pay_each(address: &str, users: std::ops::Range<usize>) -> HashSet<String> {
    let body = |user| format!(r#"{{"userId":"u{user}","amount":49.99,"method":"card"}}"#);
    let id = |user| pay(address, &body(user)).payment_id().expect("an id").to_owned();
    users.map(id).collect()
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn while_the_remote_is_away_nothing_is_dead_lettered_and_all_are_notified_after_it() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let address = free_address();
    let remote = start_remote(&brokers, &address);
    let url = format!("http://{address}");
    let forwarder = start(&brokers, &topic, &["--ensure-topics", "--partitions", "4", "--notify-url", &url]);
    forwarder.line_with(&url);
    forwarder.ready();
    let payments = start_payment_service(&brokers, &topic);
    payments.ready();

    let mut paid = pay_each(&payments.address(), 0..20);
    remote.lines_with(NOTIFICATION, 20);
    // Who had not heard the answer before the end of the one that gives it would ask the next.
    let kafka = Kafka::new(&brokers);
    kafka.await_committed(&topic, &topic, 20);
    let first = notified(&remote.log());
    remote.signal("KILL");
    assert_eq!(remote.end().code, None);

    let in_outage = pay_each(&payments.address(), 20..80);
    forwarder.line_with("counts as down");
    thread::sleep(outage());
    let remote = start_remote(&brokers, &address);
    remote.lines_with(NOTIFICATION, in_outage.len());
    paid.extend(in_outage);

    forwarder.signal("TERM");
    let ended = forwarder.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    remote.signal("TERM");
    let ended_remote = remote.end();
    assert_eq!(ended_remote.code, Some(0), "{ended_remote:#?}");
    let second = notified(&ended_remote.log);
    let all: Vec<&String> = first.iter().chain(&second).collect();
    let once: HashSet<&String> = all.iter().copied().collect();
    assert_eq!(once, paid.iter().collect());
    assert_eq!(once.len(), all.len(), "a payment was notified twice");
    assert!(notified(&ended.log).is_empty(), "the forwarder notifies nobody itself");
    assert_eq!(kafka.read_all(&format!("{topic}.dead-letters")).len(), 0);
    assert_eq!(kafka.committed(&topic, &topic), 80);
}

#[test]
fn remote_that_cannot_be_called_is_refused_at_the_start_without_its_secret() {
    let not_called = [
        ("https://a.example:1", "TLS"),
        ("http://user:geheim@a.example:1", "user"),
        ("http://a.example:1/geheim", "behind its host"),
    ];
    for (url, part) in not_called {
        let arguments = ["--kafka-brokers", "127.0.0.1:1", "--currency", "EUR", "--http-addr", "127.0.0.1:0"];
        let ended = Program::start(service(SERVICE, &arguments).args(["--notify-url", url])).end();

        assert_eq!(ended.code, Some(2), "{ended:?}");
        let line = ended.log.iter().find(|line| line.contains("flag --notify-url"));
        let line = line.unwrap_or_else(|| panic!("{ended:?}"));
        assert!(line.contains(part) && line.contains("such as http://"), "{line}");
        assert!(!ended.log.iter().any(|line| line.contains("geheim")), "{ended:?}");
    }
}
