//! Services that are killed at random under load.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use crate::cluster::Cluster;
use crate::forms::{fact, rounds, tell_round};
use crate::load::Load;
use crate::restarts::tell;
use crate::run::{Run, session};

const PARTITIONS: i32 = 6;
const LOAD: Load = Load { partitions: PARTITIONS, keys: 120, per_second: 600, ahead: 900 };

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn random_kills_lose_nothing_and_repeat_at_most_what_no_commit_held() {
    let rounds = rounds(10);
    let flags = ["--handler-ms=20", "--handler-ms-max=150", "--heartbeat-ms=500", session()];
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &flags);
    let mut services = [0, 1, 2].map(|number| Some(run.start(&format!("k{number}"))));

    let ((), written) = LOAD.beside(&run, || {
        for number in 0..services.len() {
            run.wait_for_starts(&format!("k{number}"), 5, 0);
        }
        for round in 0..rounds {
            // Seeded by the system, anew each time.
            let slot = usize::try_from(RandomState::new().hash_one(round) % 3).expect("three");
            let since = run.events_seen();
            let old = services[slot].take().expect("one runs");
            let (killed, new) = (old.name.clone(), format!("k{}", services.len() + round));
            run.kill(old);
            services[slot] = Some(run.start(&new));
            run.wait_for_starts(&new, 5, 0);
            run.wait_for_all_partitions(PARTITIONS, since);
            tell_round(round, rounds, format_args!("{killed} is killed, {new} goes on"));
        }
    });
    run.settle(written);
    for service in services.into_iter().flatten() {
        run.stop(service);
    }

    let verdict = run.judge();
    assert_eq!(verdict.handled, written);
    assert!(verdict.repeats.all() > 0, "they were killed in the middle of work: {verdict}");
    fact("kills", rounds);
    tell(&verdict);
}
