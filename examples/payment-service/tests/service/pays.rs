//! Payments on their way to the topic.

use crate::harness::{Kafka, get, pay, shared_brokers, unique};
use crate::start;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn accepted_payment_is_on_the_topic_under_its_id_and_byte_for_byte_as_go_writes_it() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let program = start(&brokers, &topic, &["--ensure-topics", "--partitions", "2"]);
    let address = program.ready();

    let answer = pay(&address, r#"{ "method":"paypal", "amount": 4.999e1, "userId":"u001" }"#);

    assert_eq!(answer.status, 202, "{answer:?}");
    let records = Kafka::new(&brokers).read_all(&topic);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].key.as_deref(), Some(&b"u001"[..]));
    assert_eq!(
        records[0].value.as_deref(),
        Some(&br#"{"userId":"u001","amount":49.99,"method":"paypal"}"#[..])
    );
    assert_eq!(records[0].header("payflow-payment-id"), answer.payment_id());
    assert_eq!(records[0].header("payflow-currency"), Some("EUR"));
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn payments_of_a_user_share_a_partition_and_keep_their_order() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let program = start(&brokers, &topic, &["--ensure-topics", "--partitions", "8"]);
    let address = program.ready();

    for amount in 1..=20 {
        let body = format!(r#"{{"userId":"u{}","amount":{amount},"method":"card"}}"#, amount % 2);
        assert_eq!(pay(&address, &body).status, 202);
    }

    let records = Kafka::new(&brokers).read_all(&topic);
    for user in ["u0", "u1"] {
        let of_user = || records.iter().filter(|record| record.key.as_deref() == Some(user.as_bytes()));
        let values: Vec<_> = of_user().map(|record| record.value.clone().expect("a value")).collect();
        let expected = (1..=20).filter(|amount| user == format!("u{}", amount % 2));
        let expected: Vec<_> = expected
            .map(|amount| format!(r#"{{"userId":"{user}","amount":{amount},"method":"card"}}"#).into_bytes())
            .collect();
        assert_eq!(values, expected);
        assert!(
            of_user().all(|record| Some(record.partition) == of_user().next().map(|first| first.partition))
        );
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn health_is_served_and_the_service_drains_when_it_is_told_to_end() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    for signal in ["TERM", "INT"] {
        let program = start(&brokers, &topic, &["--ensure-topics"]);
        let address = program.ready();
        assert_eq!(get(&address, "/livez").status, 200);

        program.signal(signal);
        let ended = program.end();

        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.log.last().is_some_and(|line| line.contains("drained")), "{ended:?}");
    }
}
