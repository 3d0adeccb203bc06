//! A broker that is away or slow for a while under load: what each client was told is what happened, and all of it is
//! handled.

use std::time::Duration;

use payflow_kafka::KafkaProducerConfig;
use payflow_parts::KafkaBroker;
use payflow_proof::{Breach, Verdict};
use tokio::runtime::Runtime;

use crate::clients::{CLIENTS, Clients, mark};
use crate::cluster::Cluster;
use crate::forms::{fact, rounds, tell_round};
use crate::front_door::FrontDoor;
use crate::proxy::Proxy;
use crate::run::{Run, SESSION_BEYOND_OUTAGES};

const OUTAGE: Duration = Duration::from_secs(20);
/// How long an answer takes, so that each partition's turn comes when its oldest record is almost out of time.
const SLOW_LEAST: Duration = Duration::from_millis(100);
const SLOW_STEP: Duration = Duration::from_millis(10);
const SLOW_STEPS: u32 = 8;
/// About as long as a record has.
const BEFORE_CUT: Duration = Duration::from_secs(3);
const BEFORE_CUT_STEP: Duration = Duration::from_millis(37);

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn clients_of_a_broker_that_hangs_are_told_what_happened() {
    let mut broker = KafkaBroker::start().expect("Java and Maven are there");
    let brokers = broker.brokers().to_owned();
    let verdict = outage(Cluster::on(&brokers, 4), &brokers, || {
        broker.pause().expect("it runs");
        std::thread::sleep(OUTAGE);
        broker.resume().expect("it is paused");
    });
    holds(&verdict);
    // What was under way when it froze.
    assert!(verdict.answers[1] > 0, "{verdict}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn clients_of_a_broker_that_is_stopped_are_told_what_happened() {
    let mut broker = KafkaBroker::start().expect("Java and Maven are there");
    let brokers = broker.brokers().to_owned();
    let verdict = outage(Cluster::on(&brokers, 4), &brokers, || {
        broker.stop().expect("it runs");
        std::thread::sleep(OUTAGE);
        broker.start_again().expect("it starts again");
    });
    holds(&verdict);
    // What came while it was away.
    assert!(verdict.answers[2] > 0, "{verdict}");
}

/// Requests are lost with their connection after they were appended, while older records of other partitions run out of
/// time: what is repeated must be known as a repeat.
#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn payments_repeated_beside_others_that_are_given_up_are_written_once() {
    let (proxy, broker) = Proxy::with_broker();
    let (cuts, mut broken) = (rounds(12), 0);
    let verdict = outage(Cluster::on(broker.brokers(), 16), &proxy.brokers, || {
        for cut in 0..cuts {
            let step = cut as u32 % SLOW_STEPS;
            proxy.delay_answers(SLOW_LEAST + SLOW_STEP * step);
            std::thread::sleep(BEFORE_CUT + BEFORE_CUT_STEP * step);
            broken += proxy.cut();
            tell_round(cut, cuts, "the connections are cut");
        }
        proxy.delay_answers(Duration::ZERO);
    });
    assert!(broken > 0, "there was no connection to cut in any of {cuts} rounds");
    let [accepted, unknown, refused] = verdict.answers;
    let twice = verdict.breaches.iter().filter(|breach| matches!(breach, Breach::WrittenTwice(_))).count();
    fact("cuts", cuts);
    fact("payments accepted", accepted);
    fact("payments of which nobody knew", unknown);
    fact("payments refused", refused);
    fact("written twice", twice);
    holds(&verdict);
    // What was given up beside the repeats.
    assert!(unknown > 0, "{verdict}");
}

/// Clients pay, by an address of the brokers of their own, while it happens.
fn outage(cluster: Cluster, by: &str, happens: impl FnOnce()) -> Verdict {
    let run = Run::on(cluster, &["--handler-ms=5", SESSION_BEYOND_OUTAGES]);
    let processes = ["first", "second"].map(|name| run.start(name));
    let runtime = Runtime::new().expect("a runtime");
    // So short that payments are given up several times in the outage.
    let config = KafkaProducerConfig::new().with_delivery_timeout(Duration::from_secs(3));
    let clients = Clients::start(&runtime, || FrontDoor::by(by, &run.cluster, &config));

    clients.wait_for_accepted(10 * CLIENTS);
    happens();
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
    verdict
}

#[track_caller]
fn holds(verdict: &Verdict) {
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!(verdict.handled, verdict.records, "{verdict}");
    assert_eq!(verdict.uncommitted, Some(0), "{verdict}");
}
