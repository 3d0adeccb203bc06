//! What payments under load came to, against what is on the topic.

use std::collections::HashMap;
use std::time::Duration;

use super::kafka::Kafka;
use super::load::Answered;

/// What a payment may be answered in an outage, and by whom: by the intake, which knows the id, and within its deadline
/// of 10 s; never by the server's backstop at 22 s, which does not know it.
pub(crate) fn check_answers(answered: &[Answered]) {
    for answer in answered {
        let knows = answer.payment_id.is_some();
        match answer.status {
            202 | 504 => assert!(knows, "{answer:?}"),
            503 => assert!(!knows, "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
        // Twice the deadline: on a busy machine an answer waits for its turn.
        assert!(answer.took < Duration::from_secs(20), "{answer:?}");
    }
}

/// Each 202 is on the topic, a 504 may be, and nothing else is. Gives how often each payment is there.
pub(crate) fn check_topic(kafka: &Kafka, topic: &str, answered: &[Answered]) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for record in kafka.read_all(topic) {
        let id = record.header("payflow-payment-id").expect("an id");
        *times.entry(id.to_owned()).or_insert(0) += 1;
    }

    let with = |status: u16| {
        let answered = answered.iter().filter(move |answer| answer.status == status);
        answered.map(|answer| answer.payment_id.as_deref().expect("an id"))
    };
    let lost: Vec<&str> = with(202).filter(|id| !times.contains_key(*id)).collect();
    assert!(lost.is_empty(), "accepted, and not on the topic: {lost:?}");
    let known: HashMap<&str, ()> = with(202).chain(with(504)).map(|id| (id, ())).collect();
    let refused: Vec<&String> = times.keys().filter(|id| !known.contains_key(id.as_str())).collect();
    assert!(refused.is_empty(), "refused, and on the topic: {refused:?}");
    let doubled: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "on the topic more than once: {doubled:?}");
    times
}

/// One line for whoever runs the test by hand.
pub(crate) fn summary(answered: &[Answered]) -> String {
    let count = |status| answered.iter().filter(|answer| answer.status == status).count();
    let slowest = answered.iter().map(|answer| answer.took).max().unwrap_or_default();
    format!("202: {}, 503: {}, 504: {}, slowest {slowest:?}", count(202), count(503), count(504))
}
