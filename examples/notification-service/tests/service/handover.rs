//! Several services of one group, one of which goes.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use crate::harness::{Ended, Kafka, Program, shared_brokers, unique};
use crate::{notified, start};

/// Two services that share eight partitions.
struct Pair {
    kafka: Kafka,
    topic: String,
    first: Program,
    second: Program,
    written: usize,
    /// Whether the first was told to end.
    is_stopping: bool,
}

impl Pair {
    fn start() -> Self {
        let (brokers, topic) = (shared_brokers(), unique("payments"));
        let kafka = Kafka::new(&brokers);
        let first = start(&brokers, &topic, &["--ensure-topics", "--partitions", "8"]);
        kafka.await_shares(&topic, &[8]);
        let second = start(&brokers, &topic, &[]);
        kafka.await_shares(&topic, &[4, 4]);
        Self { kafka, topic, first, second, written: 0, is_stopping: false }
    }

    /// Writes payments of a hundred users in turn.
    fn write(&mut self, payments: usize) {
        let users: Vec<String> = (0..100).map(|user| format!("u{user:03}")).collect();
        let bodies: Vec<String> =
            users.iter().map(|user| format!(r#"{{"userId":"{user}","amount":1,"method":"card"}}"#)).collect();
        let records =
            (0..payments).map(|number| (users[number % 100].as_str(), bodies[number % 100].as_str()));
        self.kafka.write(&self.topic, records);
        self.written += payments;
    }

    /// Waits until everything written is notified.
    fn await_notified(&self) {
        let count = |program: &Program| notified(&program.log()).len();
        while count(&self.first) + count(&self.second) < self.written {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn second_is_idle(&self) -> bool {
        notified(&self.second.log()).is_empty()
    }

    /// Stops the first, then the second once it has done the rest.
    fn stop(self) -> (Ended, Ended) {
        // A second signal would end it at once.
        if !self.is_stopping {
            self.first.signal("TERM");
        }
        let first = self.first.end();
        self.kafka.await_shares(&self.topic, &[8]);
        while self.kafka.committed(&self.topic, &self.topic) < i64::try_from(self.written).expect("few") {
            thread::sleep(Duration::from_millis(20));
        }
        self.second.signal("TERM");
        let second = self.second.end();
        assert_eq!((first.code, second.code), (Some(0), Some(0)), "{:?}", first.log.last());
        (first, second)
    }
}

/// How often each payment was notified.
fn times(ended: [&Ended; 2]) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for id in ended.into_iter().flat_map(|ended| notified(&ended.log)) {
        *times.entry(id).or_insert(0) += 1;
    }
    times
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn services_of_a_group_share_the_work_and_one_that_ends_hands_over_without_a_repeat() {
    let mut pair = Pair::start();
    pair.write(2_000);
    pair.await_notified();

    // What was finished in the last moment is not committed yet: the stop does it.
    let written = pair.written;
    let (first, second) = pair.stop();

    assert!(!notified(&first.log).is_empty() && !notified(&second.log).is_empty());
    let times = times([&first, &second]);
    assert_eq!((times.len(), times.values().copied().max()), (written, Some(1)));
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn service_that_ends_in_the_middle_of_work_loses_nothing() {
    let mut pair = Pair::start();
    while pair.second_is_idle() || notified(&pair.first.log()).is_empty() {
        pair.write(5_000);
    }
    pair.first.signal("TERM");
    pair.is_stopping = true;
    // Goes on while the first stops, and until the second has it all.
    while pair.kafka.shares(&pair.topic) != [8] {
        pair.write(2_000);
    }

    let written = pair.written;
    let (first, second) = pair.stop();

    let times = times([&first, &second]);
    assert_eq!(times.len(), written);
    println!("{} of {written} repeated", times.values().filter(|times| **times > 1).count());
}
