//! The whole path, and what falls off it.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Kafka, get, pay, shared_brokers, unique};
use crate::{NOTIFICATION, notified, start, start_payment_service};

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn payment_that_was_accepted_is_notified_once_under_its_id() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let notifications = start(&brokers, &topic, &["--ensure-topics", "--partitions", "4"]);
    notifications.ready();
    let payments = start_payment_service(&brokers, &topic);
    payments.ready();

    let body = r#"{"userId":"payer-4711","amount":49.99,"method":"paypal"}"#;
    let answer = pay(&payments.address(), body);

    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.payment_id().expect("an id");
    let line = notifications.line_with(id);
    assert!(line.contains("\"Payment of 49.99 EUR by paypal received\""), "{line}");

    notifications.signal("TERM");
    let ended = notifications.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(notified(&ended.log), [id]);
    assert!(!ended.log.iter().any(|line| line.contains("payer-4711")), "{ended:?}");
    assert_eq!(Kafka::new(&brokers).committed(&topic, &topic), 1);
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn service_with_nothing_to_do_says_so() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let notifications = start(&brokers, &topic, &["--ensure-topics", "--partitions", "4"]);
    let (address, start) = (notifications.ready(), Instant::now());

    while get(&address, "/livez").body != "live: idle" {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "/livez is still answered with {:?}",
            get(&address, "/livez")
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn record_that_is_no_payment_is_set_aside_whole_and_stops_nothing() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let kafka = Kafka::new(&brokers);
    let program = start(&brokers, &topic, &["--ensure-topics", "--partitions", "1"]);
    program.ready();

    let large = format!("{{\"userId\":\"u001\",{}\"amount\":1}}", " ".repeat(900_000));
    kafka.write(
        &topic,
        [
            ("u001", "no payment"),
            ("u001", &large),
            ("u001", r#"{"userId":"u001","amount":1,"method":"card"}"#),
        ],
    );

    program.lines_with(NOTIFICATION, 1);
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let dead = kafka.read_all(&format!("{topic}.dead-letters"));
    let values: Vec<_> = dead.iter().map(|record| record.value.as_deref().expect("a value")).collect();
    assert_eq!(values, [b"no payment", large.as_bytes()]);
    assert!(dead.iter().all(|record| record.header("payflow-dead-letter-topic") == Some(&topic)));
    assert_eq!(kafka.committed(&topic, &topic), 3);
}
