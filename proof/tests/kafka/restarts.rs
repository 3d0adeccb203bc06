//! Three services that are restarted one after another under load.

use std::time::Duration;

use payflow_proof::Verdict;

use crate::cluster::Cluster;
use crate::forms::{fact, rounds, tell_round, time};
use crate::load::Load;
use crate::run::Run;

const PARTITIONS: i32 = 6;
const LOAD: Load = Load { partitions: PARTITIONS, keys: 120, per_second: 600, ahead: 900 };

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_rolling_restart_repeats_nothing_that_had_finished_and_stalls_no_partition() {
    let rounds = rounds(6);
    // Every handler ends well before the drain does, which takes up to 5 s.
    let flags = ["--handler-ms=20", "--handler-ms-max=150", "--heartbeat-ms=500"];
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &flags);
    let mut services = [0, 1, 2].map(|slot| Some(run.start(&name(slot, 0))));

    let ((), written) = LOAD.beside(&run, || {
        for slot in 0..services.len() {
            run.wait_for_starts(&name(slot, 0), 5, 0);
        }
        for round in 0..rounds {
            let (slot, since) = (round % services.len(), run.events_seen());
            let old = services[slot].take().expect("one runs");
            let counts = run.stop(old);
            let new = name(slot, round + 1);
            services[slot] = Some(run.start(&new));
            run.wait_for_starts(&new, 5, 0);
            run.wait_for_all_partitions(PARTITIONS, since);
            tell_round(
                round,
                rounds,
                format_args!("{new} goes on; the one before it handled {}", counts.handled),
            );
        }
    });
    run.settle(written);
    for service in services.into_iter().flatten() {
        run.stop(service);
    }

    let verdict = run.judge();
    assert_eq!(verdict.handled, written);
    assert_eq!((verdict.repeats.uncommitted, verdict.doubled), (0, 0), "{verdict}");
    fact("restarts", rounds);
    tell(&verdict);
}

/// What any run is told by.
pub(crate) fn tell(verdict: &Verdict) {
    fact("records", verdict.records);
    fact("lost", 0);
    fact("out of order", 0);
    fact("repeated though finished, since no commit told of them", verdict.repeats.uncommitted);
    fact("repeated since they had not finished", verdict.repeats.unfinished);
    fact("notifications doubled", verdict.doubled);
    time("longest stall of a partition", verdict.longest_stall());
    time(
        "finished before a kill, the oldest of those repeated",
        verdict.oldest_repeat.unwrap_or(Duration::ZERO),
    );
}

fn name(slot: usize, round: usize) -> String {
    format!("s{slot}-{round}")
}
