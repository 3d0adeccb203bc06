//! Processes that end in the middle of work: killed, or asked to.

use crate::cluster::{Cluster, payments};
use crate::run::{Run, SESSION};
use crate::wait_for;

const PARTITIONS: i32 = 8;
const HANDLERS: [&str; 3] = ["--handler-ms=50", "--handler-ms-max=150", "--heartbeat-ms=500"];

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_killed_process_loses_nothing_and_repeats_at_most_what_was_not_committed() {
    const KEYS: u32 = 6;
    let flags = [&HANDLERS[..], &[SESSION]].concat();
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &flags);
    let (first, second) = (run.start("first"), run.start("second"));
    let shared = run.share(&["first", "second"], &payments(PARTITIONS, KEYS, 1));

    let all = payments(PARTITIONS, KEYS, 45);
    run.cluster.write(&all);
    let committed = || run.cluster.committed().values().sum::<i64>();
    wait_for("commit of some of it", || (committed() > shared as i64).then_some(()));
    run.kill(first);
    run.wait_for_done(shared + all.len());
    run.stop(second);

    let verdict = run.judge();
    assert_eq!(verdict.handled, shared + all.len());
    assert!(verdict.repeats.unfinished > 0, "it was killed in the middle of work: {verdict}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_process_that_is_asked_to_end_hands_over_and_nothing_that_had_finished_is_handled_again() {
    // Many lanes in each partition: some finish behind others that have not.
    hand_over(&HANDLERS, 6);
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_process_that_handles_by_partition_hands_over_and_nothing_that_had_finished_is_handled_again() {
    hand_over(&[&HANDLERS[..], &["--by-partition"]].concat(), 1);
}

/// One of two processes is asked to end in the middle of work, and the other goes on. Nobody is killed, so that no repeat
/// of what had finished has an excuse.
fn hand_over(flags: &[&str], keys: u32) {
    const ROUNDS: u32 = 30;
    let run = Run::on(Cluster::with_partitions(PARTITIONS), flags);
    let (first, second) = (run.start("first"), run.start("second"));
    let shared = run.share(&["first", "second"], &payments(PARTITIONS, keys, 1));

    let since = run.events_seen();
    let all = payments(PARTITIONS, keys, ROUNDS);
    run.cluster.write(&all);
    run.wait_for_starts("first", all.len() / 4, since);
    let counts = run.stop(first);
    let left_at = run.events_seen();
    run.wait_for_done(shared + all.len());
    run.stop(second);

    let verdict = run.judge();
    assert_eq!(verdict.handled, shared + all.len());
    assert!(counts.handled > 0, "it was stopped in the middle of work: {verdict}");
    assert!(run.events_seen() > left_at, "some was left for the other: {verdict}");
}
