//! A record at the head of a partition that hangs, thousands finished behind it, and owners that are killed.

use std::fs;
use std::time::Duration;

use payflow_proof::{Commit, Event};

use crate::cluster::{Cluster, New, payment};
use crate::forms::{fact, rounds, tell_round, time};
use crate::run::{Run, session};
use crate::wait_for;

/// Finished behind it in each round.
const BEHIND: usize = 3_000;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn what_finished_behind_a_stuck_head_is_not_repeated_by_the_next_owner_after_a_kill() {
    let rounds = rounds(1);
    let cluster = Cluster::with_partitions(1);
    let release = std::env::temp_dir().join(format!("{}.release", cluster.topic));
    let release_flag = release.to_str().expect("the temporary folder's name is text").to_owned();
    let flags = [session(), "--heartbeat-ms=500", "--commit-ms=100", "--release", &release_flag];
    let run = Run::on(cluster, &flags);
    run.cluster.write(&[payment(0, "head", "stuck")]);

    let (mut owner, mut behind) = (run.start("p0"), 0);
    for round in 0..rounds {
        run.cluster.write(&records(behind));
        behind += BEHIND;
        run.wait_for_done(behind);
        // Most of it is in a commit; what finishes then is not, or not yet.
        wait_for("commit that tells of them", || (held(&run) >= behind).then_some(()));
        run.cluster.write(&records(behind));
        behind += BEHIND;
        let half_way = behind - BEHIND / 2;
        run.wait_for_done(half_way);
        run.kill(owner);

        let next = format!("p{}", round + 1);
        owner = run.start(&next);
        run.wait_for_starts(&next, 1, 0);
        run.wait_for_done(behind);
        let events = run.seen().events.clone();
        let last_look = events.iter().rev().find_map(|event| match event {
            Event::Committed { commits, .. } => commits.get(&0),
            _ => None,
        });
        tell_round(round, rounds, format_args!("the last commit told of {}", told(last_look)));
    }
    fs::write(&release, "").expect("the temporary folder can be written");
    run.settle(behind + 1);
    run.stop(owner);
    fs::remove_file(&release).expect("it was written");

    let verdict = run.judge();
    assert_eq!(verdict.handled, behind + 1);
    assert!(verdict.held >= rounds * BEHIND, "{verdict}");
    fact("finished behind a stuck head, and told of by the last commits", verdict.held);
    fact("of those repeated", 0);
    fact("repeated though finished, since no commit told of them", verdict.repeats.uncommitted);
    fact("repeated since they had not finished", verdict.repeats.unfinished);
    fact("notifications doubled", verdict.doubled);
    time(
        "finished before the kill, the oldest of those repeated",
        verdict.oldest_repeat.unwrap_or(Duration::ZERO),
    );
}

/// Of 500 keys in turn.
fn records(from: usize) -> Vec<New> {
    const KEYS: usize = 500;
    (from..from + BEHIND).map(|number| payment(0, &format!("u{}", number % KEYS), "card")).collect()
}

fn held(run: &Run) -> usize {
    told(run.cluster.commits().get(&0))
}

/// How many offsets a commit tells of beyond its own.
fn told(commit: Option<&Commit>) -> usize {
    let ranges = commit.into_iter().flat_map(|commit| &commit.beyond);
    ranges.map(|range| usize::try_from(range.end - range.start).expect("ranges rise")).sum()
}
