//! A process that stands still for longer than its session lasts, and then goes on.

use std::collections::{BTreeMap, BTreeSet};

use payflow_proof::Event;

use crate::cluster::{Cluster, payments};
use crate::forms::{fact, rounds, tell_round};
use crate::restarts::tell;
use crate::run::{Run, session};
use crate::wait_for;

const PARTITIONS: i32 = 4;
const KEYS: u32 = 10;
const IN_FLIGHT: usize = 16;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_zombie_commits_nothing_and_sends_at_most_what_was_in_flight() {
    let rounds = rounds(1);
    let concurrency = format!("--concurrency={IN_FLIGHT}");
    // So long that a call begun after it went on is cut off before it sends, also on a machine with much else to do.
    let flags = ["--handler-ms=200", "--handler-ms-max=400", "--heartbeat-ms=500", session(), &concurrency];
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &flags);
    let (mut first, second, mut written) = (run.start("first"), run.start("second"), 0);

    for round in 0..rounds {
        // Both take part, and have no arrears that would grow from round to round.
        run.wait_for_done(written);
        written += run.share(&["first", "second"], &payments(PARTITIONS, KEYS, 1));
        let since = run.events_seen();
        let some = payments(PARTITIONS, KEYS, 20);
        run.cluster.write(&some);
        written += some.len();
        run.wait_for_starts("first", 2 * IN_FLIGHT, since);
        run.freeze(&mut first);
        let (since, had) = (run.events_seen(), had_by("first", &run.seen().events));
        assert!(!had.is_empty(), "the first had nothing");
        run.wait_until("work in what the first had", |events| {
            had.is_subset(&had_by("second", &events[since..]))
        });

        run.thaw(&mut first);
        // It comes back as a member like any other. Until then nothing that it does may count: each look would tell.
        let old = last_assignment("first", &run.seen().events);
        let some = payments(PARTITIONS, 1, 1);
        wait_for("return of the first", || {
            run.note_committed();
            run.cluster.write(&some);
            written += some.len();
            (last_assignment("first", &run.seen().events) > old).then_some(())
        });
        tell_round(round, rounds, format_args!("the first had partitions {had:?}"));
    }
    run.settle(written);
    run.stop(first);
    run.stop(second);

    let verdict = run.judge();
    assert_eq!(verdict.handled, written);
    let zombies = verdict.zombies;
    assert!(zombies.under_way > 0, "it was stopped in the middle of work: {verdict}");
    assert!(zombies.most_at_once <= IN_FLIGHT && zombies.most_sent <= IN_FLIGHT, "{verdict}");
    fact("stops", rounds);
    fact("handlers in flight at most", IN_FLIGHT);
    fact("calls under way at the stops", zombies.under_way);
    fact("calls begun by zombies after they went on", zombies.started);
    fact("notifications sent by calls under way at the stops", zombies.sent);
    fact("notifications sent by calls begun after", zombies.sent_of_started);
    fact("calls of a zombie at a time, at most", zombies.most_at_once);
    fact("notifications sent by a zombie after one stop, at most", zombies.most_sent);
    fact("commits of zombies", 0);
    tell(&verdict);
}

/// The partitions of which a process was the last to start a record.
pub(crate) fn had_by(name: &str, events: &[Event]) -> BTreeSet<i32> {
    let mut last = BTreeMap::new();
    for event in events {
        if let Event::Started { process, place, .. } = event {
            last.insert(place.partition, process.as_str());
        }
    }
    last.into_iter().filter(|(_, process)| *process == name).map(|(partition, _)| partition).collect()
}

/// The youngest assignment by which a process has started something.
pub(crate) fn last_assignment(name: &str, events: &[Event]) -> Option<u32> {
    let assignments = events.iter().filter_map(|event| match event {
        Event::Started { process, assignment, .. } if process == name => Some(*assignment),
        _ => None,
    });
    assignments.max()
}
