//! Beside Go services on a real topic: they read what payflow writes, and payflow handles what they write.

use std::collections::{BTreeMap, BTreeSet};

use payflow_kafka::KafkaProducerConfig;
use payflow_proof::Place;

use crate::cluster::Cluster;
use crate::front_door::FrontDoor;
use crate::go::go;
use crate::pipeline::handle;
use crate::recorded::{self, RecordedPayment, bytes, hex};

/// What payflow takes of it in EUR: the bounds are the contract's. Go writes what is no text in a way of its own.
fn is_acceptable(payment: &RecordedPayment) -> bool {
    const MINOR_MAX: i64 = 1_000_000_000_000_000;
    let amount = payment.minor(2).is_some_and(|minor| (1..=MINOR_MAX).contains(&minor));
    let user = std::str::from_utf8(&payment.user_id);
    let user = user.is_ok_and(|user| (1..=128).contains(&user.len()) && !user.chars().any(char::is_control));
    let method = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    amount && user && (1..=64).contains(&payment.method.len()) && payment.method.iter().all(method)
}

/// All payments that Go writes as JSON and that have a key to go with.
fn payments() -> Vec<(RecordedPayment, &'static str)> {
    let text = |payment: &RecordedPayment| std::str::from_utf8(&payment.user_id).is_ok();
    let payments = recorded::payments().filter(text);
    payments.filter_map(|payment| payment.json.map(|json| (payment, json))).collect()
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn what_payflow_writes_is_what_go_writes_and_its_strict_decoders_read_it() {
    let cluster = Cluster::with_partitions(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut accepted = Vec::new();
    runtime.block_on(async {
        let door = FrontDoor::of(&cluster, &KafkaProducerConfig::new());
        for (payment, json) in payments() {
            let status = door.pay(json.to_owned()).await.status;
            assert_eq!(status, if is_acceptable(&payment) { 202 } else { 422 }, "{}", payment.case);
            if status == 202 {
                accepted.push((payment, json));
            }
        }
    });
    assert!(accepted.len() > 40, "{} were accepted", accepted.len());

    let count = accepted.len().to_string();
    let topic = cluster.topic.as_str();
    let flags = ["-brokers", &cluster.brokers, "-topic", topic, "-group", &cluster.group, "-count", &count];
    let consumed = go(&[&["consume"][..], &flags].concat(), &[]);
    let records: Vec<Vec<&str>> = consumed.iter().map(|line| line.split('\t').collect()).collect();
    let values: Vec<String> = records.iter().map(|record| record[3].to_owned()).collect();
    let understood = go(&["decode-strict"], &values);

    assert_eq!((records.len(), understood.len()), (accepted.len(), accepted.len()));
    for (((payment, json), record), understood) in accepted.iter().zip(records).zip(understood) {
        assert_eq!(record[2], hex(&payment.user_id), "{}", payment.case);
        assert_eq!(String::from_utf8(bytes(record[3])).as_deref(), Ok(*json), "{}", payment.case);
        let amount = format!("{:016x}", payment.amount.to_bits());
        let expected = [&hex(&payment.user_id), &amount, &hex(&payment.method), &hex(json.as_bytes())];
        let understood: Vec<&str> = understood.split('\t').collect();
        assert_eq!(understood, expected.map(String::as_str), "{}", payment.case);
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn what_go_writes_is_handled_or_set_aside_whole() {
    let cluster = Cluster::with_partitions(3);
    let payments = payments();
    let line = |(payment, json): &(RecordedPayment, &str)| {
        format!("{}\t{}", hex(&payment.user_id), hex(json.as_bytes()))
    };
    let lines: Vec<String> = payments.iter().map(line).collect();
    let produced =
        go(&["produce", "-brokers", &cluster.brokers, "-topic", cluster.topic.as_str(), "-hex"], &lines);
    assert_eq!(produced.len(), payments.len());
    let placed: BTreeMap<Place, _> = produced.iter().map(|line| place(line)).zip(&payments).collect();

    let (handled, counts) = handle(&cluster, |handled, counts| {
        handled.len() as u64 + counts.dead_lettered >= payments.len() as u64
    });

    let (acceptable, refused): (BTreeSet<Place>, BTreeSet<Place>) =
        placed.keys().partition(|place| is_acceptable(&placed[*place].0));
    assert_eq!(handled.iter().map(|one| one.place).collect::<BTreeSet<_>>(), acceptable);
    for one in &handled {
        let payment = &placed[&one.place].0;
        assert_eq!(one.user.as_bytes(), payment.user_id, "{}", payment.case);
        assert_eq!(Some(one.minor), payment.minor(2), "{}", payment.case);
        assert_eq!(one.method.as_bytes(), payment.method, "{}", payment.case);
    }
    let dead = cluster.dead();
    assert_eq!(dead.iter().map(|letter| letter.source).collect::<BTreeSet<_>>(), refused);
    for letter in &dead {
        let (payment, json) = placed[&letter.source];
        let key = letter.key.as_deref().unwrap_or_default();
        assert_eq!((key, letter.value.as_deref()), (&payment.user_id[..], Some(json.as_bytes())));
    }
    assert_eq!((handled.len() as u64, dead.len() as u64), (counts.handled, counts.dead_lettered));
}

/// Where a record stands, from a line that begins with partition and offset.
pub(crate) fn place(line: &str) -> Place {
    let mut columns = line.split('\t').map(|column| column.parse::<i64>());
    let mut number = || columns.next().expect("a column").expect("a number");
    Place { partition: i32::try_from(number()).expect("few"), offset: number() }
}
