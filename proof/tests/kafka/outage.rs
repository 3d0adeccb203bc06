//! A broker that is away for a while under load: what each client was told is what happened, and all of it is handled.

use std::time::Duration;

use payflow_kafka::KafkaProducerConfig;
use payflow_parts::KafkaBroker;
use tokio::runtime::Runtime;

use crate::clients::{CLIENTS, Clients, mark};
use crate::cluster::Cluster;
use crate::run::{Run, SESSION_BEYOND_OUTAGES};

const OUTAGE: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn clients_of_a_broker_that_hangs_are_told_what_happened() {
    let answers = outage(|broker| {
        broker.pause().expect("it runs");
        std::thread::sleep(OUTAGE);
        broker.resume().expect("it is paused");
    });
    // What was under way when it froze.
    assert!(answers[1] > 0, "{answers:?}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn clients_of_a_broker_that_is_stopped_are_told_what_happened() {
    let answers = outage(|broker| {
        broker.stop().expect("it runs");
        std::thread::sleep(OUTAGE);
        broker.start_again().expect("it starts again");
    });
    // What came while it was away.
    assert!(answers[2] > 0, "{answers:?}");
}

/// How many payments were accepted, unknown and refused.
fn outage(happens: impl FnOnce(&mut KafkaBroker)) -> [usize; 3] {
    let mut broker = KafkaBroker::start().expect("Java and Maven are there");
    let run = Run::on(Cluster::on(broker.brokers(), 4), &["--handler-ms=5", SESSION_BEYOND_OUTAGES]);
    let processes = ["first", "second"].map(|name| run.start(name));
    let runtime = Runtime::new().expect("a runtime");
    // So short that payments are given up several times in the outage.
    let config = KafkaProducerConfig::new().with_delivery_timeout(Duration::from_secs(3));
    let clients = Clients::start(&runtime, &run.cluster, &config);

    clients.wait_for_accepted(10 * CLIENTS);
    happens(&mut broker);
    clients.wait_for_accepted(10 * CLIENTS);
    let answers = clients.stop(&runtime);
    run.wait_for_done(run.cluster.read().len());
    for process in processes {
        run.stop(process);
    }

    let mut history = run.history();
    history.answers = answers;
    mark(&mut history.written);
    let verdict = history.verdict();
    eprintln!("{verdict}");
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!(verdict.handled, verdict.records, "{verdict}");
    assert_eq!(verdict.uncommitted, Some(0), "{verdict}");
    verdict.answers
}
