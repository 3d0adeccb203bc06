//! Members whose connections go half open or break, while the rest of their group goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::churn::{SetOnDrop, write_until};
use crate::cluster::{Cluster, payments};
use crate::forms::{rounds, tell_round};
use crate::proxy::Proxy;
use crate::run::{Run, SESSION_BEYOND_OUTAGES, session};
use crate::wait_for;
use crate::zombies::{had_by, last_assignment};

const PARTITIONS: i32 = 4;
const KEYS: u32 = 5;

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn a_member_whose_connections_are_half_open_commits_nothing_and_comes_back() {
    let (proxy, broker) = Proxy::with_broker();
    let flags = ["--handler-ms=20", "--handler-ms-max=100", "--heartbeat-ms=500", session()];
    let run = Run::on(Cluster::on(broker.brokers(), PARTITIONS), &flags);
    let (first, second) = (run.start_by(&proxy.brokers, "first"), run.start("second"));
    let mut written = run.share(&["first", "second"], &payments(PARTITIONS, KEYS, 1));

    let some = payments(PARTITIONS, KEYS, 60);
    run.cluster.write(&some);
    written += some.len();
    let since = run.events_seen();
    run.wait_for_starts("first", 20, since);
    proxy.hold();
    run.note_cut_off(&first);
    let (since, had) = (run.events_seen(), had_by("first", &run.seen().events));
    run.wait_until("work in what the first had", |events| had.is_subset(&had_by("second", &events[since..])));

    run.note_resumed(&first);
    proxy.release();
    let (old, some) = (last_assignment("first", &run.seen().events), payments(PARTITIONS, KEYS, 1));
    wait_for("return of the first", || {
        run.note_committed();
        run.cluster.write(&some);
        written += some.len();
        (last_assignment("first", &run.seen().events) > old).then_some(())
    });
    run.settle(written);
    run.stop(first);
    run.stop(second);

    let verdict = run.judge();
    assert_eq!(verdict.handled, written);
}

/// In the middle of fetches, commits and heartbeats, and before their answers.
#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn members_whose_connections_break_again_and_again_repeat_nothing_that_had_finished() {
    let (proxy, broker) = Proxy::with_broker();
    let flags = ["--handler-ms=5", "--handler-ms-max=60", "--heartbeat-ms=500", SESSION_BEYOND_OUTAGES];
    let run = Run::on(Cluster::on(broker.brokers(), PARTITIONS), &flags);
    let processes = ["first", "second"].map(|name| run.start_by(&proxy.brokers, name));
    let some = payments(PARTITIONS, KEYS, 1);
    let before = run.share(&["first", "second"], &some);

    let enough = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| write_until(&run, &some, &enough));
        // Also when a step fails.
        let _enough = SetOnDrop(&enough);
        let (cuts, mut broken) = (rounds(20), 0);
        for cut in 0..cuts {
            // Each answer is late by another time, and each cut comes at another time after it.
            proxy.delay_answers(LATE_STEP * (cut as u32 % 7));
            let since = run.events_seen();
            run.wait_for_starts("first", 1 + cut % 11, since);
            run.wait_for_starts("second", 1 + cut % 5, since);
            broken += proxy.cut();
            run.note_committed();
            tell_round(cut, cuts, "the connections are cut");
        }
        proxy.delay_answers(Duration::ZERO);
        assert!(broken > 0, "there was no connection to cut in any of {cuts} rounds");
        enough.store(true, Ordering::Relaxed);
        before + writing.join().expect("nothing panics")
    });
    run.settle(written);
    for process in processes {
        run.stop(process);
    }

    let verdict = run.judge();
    assert_eq!((verdict.records, verdict.handled), (written, written), "{verdict}");
    assert_eq!(verdict.repeats.all(), 0, "{verdict}");
}

const LATE_STEP: Duration = Duration::from_millis(30);
