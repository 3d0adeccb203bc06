//! What both services do while Kafka is away. Each test has a broker of its own, to stop it.

use std::collections::HashSet;
use std::thread;

use crate::harness::{
    Kafka, Load, OwnBroker, await_status, check_answers, check_topic, get, outage, pay, summary,
};
use crate::{NOTIFICATION, notified, start, start_payment_service};

const TOPIC: &str = "payment-topic";

/// Lines about the outage: all but those that any run has.
fn about_the_outage(log: &[String]) -> Vec<&String> {
    let usual = ["serving address", "notifying health", "single copy", "drained", NOTIFICATION];
    log.iter().filter(|line| !usual.iter().any(|part| line.contains(part))).collect()
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn lost_broker_is_two_log_lines_of_each_service_and_every_accepted_payment_is_notified_once() {
    let mut broker = OwnBroker::start();
    let notifications = start(broker.brokers(), TOPIC, &["--ensure-topics"]);
    notifications.line_with("notifying");
    let health = notifications.address();
    let payments = start_payment_service(broker.brokers(), TOPIC);
    payments.line_with("serving");
    let address = payments.address();
    await_status(&health, "/readyz", 200);
    await_status(&address, "/readyz", 200);
    let load = Load::start(&address, 1_000);
    notifications.lines_with(NOTIFICATION, 2_000);

    broker.kill();
    await_status(&health, "/readyz", 503);
    await_status(&address, "/readyz", 503);
    thread::sleep(outage());
    assert_eq!((get(&health, "/livez").status, get(&address, "/livez").status), (200, 200));
    broker.start_again().expect("the broker again");
    load.await_answer(202);
    await_status(&address, "/readyz", 200);
    await_status(&health, "/readyz", 200);
    payments.line_with("payments are accepted again");

    let answered = load.stop();
    check_answers(&answered);
    let on_topic = check_topic(&Kafka::new(broker.brokers()), TOPIC, &answered);
    assert!(on_topic.values().all(|times| *times == 1), "a payment is on the topic twice");
    notifications.lines_with(NOTIFICATION, on_topic.len());
    notifications.signal("TERM");
    payments.signal("TERM");
    let (notifications, payments) = (notifications.end(), payments.end());

    let shown =
        |log: &[String]| log.iter().filter(|line| !line.contains(NOTIFICATION)).cloned().collect::<Vec<_>>();
    println!("{}", summary(&answered));
    println!("payment-service:\n{}", shown(&payments.log).join("\n"));
    println!("notification-service:\n{}", shown(&notifications.log).join("\n"));
    assert_eq!((notifications.code, payments.code), (Some(0), Some(0)));
    let notified = notified(&notifications.log);
    let once: HashSet<&String> = notified.iter().collect();
    assert_eq!(once.len(), notified.len(), "a payment was notified twice");
    assert_eq!(once, on_topic.keys().collect());
    for log in [&payments.log, &notifications.log] {
        let lines = about_the_outage(log);
        assert!(lines.len() <= 2, "{lines:#?}");
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn broker_that_is_absent_at_the_start_is_found_when_it_comes() {
    let mut broker = OwnBroker::start();
    let kafka = Kafka::new(broker.brokers());
    kafka.create_topic(TOPIC, 2);
    broker.stop().expect("the broker runs");

    let notifications = start(broker.brokers(), TOPIC, &["--ensure-topics"]);
    notifications.line_with("nothing is received until Kafka answers");
    let health = notifications.address();
    assert_eq!((get(&health, "/livez").status, get(&health, "/readyz").status), (200, 503));

    broker.start_again().expect("the broker again");
    await_status(&health, "/readyz", 200);
    let payments = start_payment_service(broker.brokers(), TOPIC);
    payments.line_with("serving");
    let answer = pay(&payments.address(), r#"{"userId":"u001","amount":49.99,"method":"card"}"#);
    notifications.line_with(answer.payment_id().expect("an id"));
}
