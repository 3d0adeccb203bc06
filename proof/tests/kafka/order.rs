//! Order per key while work and partitions go from process to process.

use std::time::Duration;

use crate::cluster::{Cluster, payments};
use crate::run::Run;

const PARTITIONS: i32 = 8;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn three_consumers_keep_the_order_of_each_key() {
    const KEYS: u32 = 12;
    const ROUNDS: u32 = 4;
    let flags = ["--handler-ms=1", "--handler-ms-max=15", "--heartbeat-ms=300"];
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &flags);
    let some = payments(PARTITIONS, KEYS, ROUNDS);

    // Some are there before anybody reads, and are handled while the group forms.
    run.cluster.write(&some);
    let names = ["first", "second", "third"];
    let processes = names.map(|name| run.start(name));
    run.wait_for_done(some.len());
    let shared = run.share(&names, &some);
    for process in processes {
        run.stop(process);
    }

    let verdict = run.judge();
    assert_eq!((verdict.records, verdict.handled), (some.len() + shared, some.len() + shared));
    assert!(verdict.retries > 0, "some failed at first: {verdict}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_third_consumer_joins_while_handlers_run_and_nothing_is_lost_or_stalls() {
    const KEYS: u32 = 3;
    const ROUNDS: u32 = 80;
    // What is promised, whatever the machine.
    const STALL_MAX: Duration = Duration::from_secs(10);
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &["--handler-ms=200"]);
    let all = payments(PARTITIONS, KEYS, ROUNDS);
    run.cluster.write(&all);

    let (first, second) = (run.start("first"), run.start("second"));
    for process in ["first", "second"] {
        run.wait_for_starts(process, 50, 0);
    }
    let third = run.start("third");
    run.wait_for_starts("third", 50, 0);
    run.wait_for_done(all.len());
    for process in [first, second, third] {
        run.stop(process);
    }

    let verdict = run.judge();
    assert_eq!((verdict.records, verdict.handled), (all.len(), all.len()));
    assert!(verdict.longest_stall() <= STALL_MAX, "{verdict}");
}
