//! What the service does while Kafka is away or hangs. The outage under load is in notification-service's tests, which
//! look at both services.

use std::thread;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::harness::{
    Answered, Kafka, Load, OwnBroker, await_status, check_answers, check_topic, get, outage, pay, summary,
};
use crate::start;

const TOPIC: &str = "payment-topic";
const PAYMENT: &str = r#"{"userId":"u001","amount":49.99,"method":"card"}"#;

/// Lines about the outage: all but those that any run has.
fn about_the_outage(log: &[String]) -> Vec<&String> {
    let usual = ["serving address", "single copy", "drained"];
    log.iter().filter(|line| !usual.iter().any(|part| line.contains(part))).collect()
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn broker_that_hangs_holds_no_health_check_and_no_payment_beyond_its_deadline() {
    let mut broker = OwnBroker::start();
    let program = start(broker.brokers(), TOPIC, &["--ensure-topics"]);
    let address = program.address();
    await_status(&address, "/readyz", 200);
    let load = Load::start(&address, 1_000);
    load.await_answer(202);

    broker.pause().expect("the broker runs");
    thread::sleep(outage());
    assert_eq!(get(&address, "/livez").status, 200);
    broker.resume().expect("the broker is paused");
    load.await_answer(202);
    await_status(&address, "/readyz", 200);
    program.line_with("payments are accepted again");

    let answered = load.stop();
    println!("{}\n{}", summary(&answered), program.log().join("\n"));
    check_answers(&answered);
    check_topic(&Kafka::new(broker.brokers()), TOPIC, &answered);
    let at_once = |answer: &&Answered| answer.status == 503 && answer.took < Duration::from_secs(5);
    assert!(answered.iter().any(|answer| at_once(&answer)), "every payment waited until it was given up");
    let lines = program.log();
    let lines = about_the_outage(&lines);
    assert!(lines.len() <= 2, "{lines:#?}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn broker_that_is_absent_at_the_start_is_found_when_it_comes() {
    let mut broker = OwnBroker::start();
    Kafka::new(broker.brokers()).create_topic(TOPIC, 2);
    broker.stop().expect("the broker runs");

    let program = start(broker.brokers(), TOPIC, &[]);
    program.line_with("payments are refused until Kafka answers");
    let address = program.address();
    assert_eq!(get(&address, "/livez").status, 200);
    assert_eq!(get(&address, "/readyz").status, 503);
    let refused = pay(&address, PAYMENT);
    assert_eq!(refused.status, 503, "{refused:?}");

    broker.start_again().expect("the broker again");
    await_status(&address, "/readyz", 200);
    assert_eq!(pay(&address, PAYMENT).status, 202);
    assert_eq!(Kafka::new(broker.brokers()).read_all(TOPIC).len(), 1);
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn topic_that_is_missing_when_the_broker_comes_ends_the_service() {
    let mut broker = OwnBroker::start();
    broker.stop().expect("the broker runs");
    let program = start(broker.brokers(), TOPIC, &[]);
    program.line_with("payments are refused until Kafka answers");

    broker.start_again().expect("the broker again");
    let ended = program.end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.log.iter().any(|line| line.contains("ERROR") && line.contains(TOPIC)), "{ended:?}");
}

#[test]
fn producer_that_failed_for_good_ends_the_service_with_an_error() {
    let mock = MockCluster::new(1).expect("a mock");
    mock.create_topic(TOPIC, 1, 1).expect("a topic");
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 5];
    mock.request_errors(RDKafkaApiKey::InitProducerId, &errors);

    let ended = start(&mock.bootstrap_servers(), TOPIC, &[]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let error = |part: &str| ended.log.iter().any(|line| line.contains("ERROR") && line.contains(part));
    assert!(error("uthoriz") && error("start the service anew"), "{ended:?}");
}

#[test]
fn service_that_never_saw_a_broker_ends_when_it_is_told_to() {
    let program = start("127.0.0.1:1", TOPIC, &[]);
    let line = program.line_with("payments are refused until Kafka answers");
    assert!(line.contains("brokers=\"127.0.0.1:1\"") && line.contains("--kafka-brokers"), "{line}");

    program.signal("TERM");

    assert_eq!(program.end().code, Some(0));
}
