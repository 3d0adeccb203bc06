//! Topics that change while they are read: more partitions, fewer records.

use payflow_proof::Event;
use rdkafka::consumer::Consumer as _;

use crate::cluster::{Cluster, New, payment, payments};
use crate::run::{Run, started_by};
use crate::{PATIENCE, wait_for};

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn partitions_that_are_added_are_read_from_their_beginning_and_nothing_comes_again() {
    const BEFORE: i32 = 2;
    const AFTER: i32 = 6;
    const KEYS: u32 = 5;
    let flags = ["--handler-ms=5", "--handler-ms-max=30", "--heartbeat-ms=500", "--metadata-ms=500"];
    let run = Run::on(Cluster::with_partitions(BEFORE), &flags);
    let (first, second) = (run.start("first"), run.start("second"));
    let mut written = run.share(&["first", "second"], &payments(BEFORE, KEYS, 2));

    run.cluster.add_partitions(AFTER);
    let looker = run.cluster.reader();
    wait_for("added partitions", || {
        let metadata = looker.fetch_metadata(Some(run.cluster.topic.as_str()), PATIENCE).ok()?;
        let partitions = metadata.topics().first()?.partitions();
        (partitions.len() == AFTER as usize && partitions.iter().all(|one| one.leader() > 0)).then_some(())
    });
    // Before any consumer knows of them.
    let since = run.events_seen();
    let all = payments(AFTER, KEYS, 20);
    run.cluster.write(&all);
    written += all.len();
    run.wait_for_all_partitions(AFTER, since);
    run.settle(written);
    run.stop(first);
    run.stop(second);

    let verdict = run.judge();
    assert_eq!((verdict.handled, verdict.repeats.uncommitted), (written, 0), "{verdict}");
    let events = run.seen();
    let new = |event: &&Event| matches!(event, Event::Started { place, .. } if place.partition >= BEFORE);
    for name in ["first", "second"] {
        assert!(started_by(events.events.iter().filter(new), name) > 0, "{name} has none of the new ones");
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_compacted_topic_is_handled_as_it_is_and_its_lag_reaches_zero() {
    const KEYS: usize = 5;
    const RECORDS: usize = 400;
    let brokers = Cluster::with_partitions(1).brokers;
    let cluster = Cluster::set_up(&brokers, 1, |topic| {
        topic
            .with_config("cleanup.policy", "compact")
            .with_config("segment.ms", "100")
            .with_config("min.cleanable.dirty.ratio", "0.01")
    });
    let run = Run::on(cluster, &["--handler-ms=1"]);
    let record = |number: usize| payment(0, &format!("u{}", number % KEYS), "card");
    run.cluster.write(&(0..RECORDS).map(record).collect::<Vec<New>>());
    // What is older than the segment that is written to is compacted: each look makes a new one.
    let mut written = RECORDS;
    wait_for("compaction", || {
        run.cluster.write(&[record(written)]);
        written += 1;
        (run.cluster.read().len() < written - RECORDS / 2).then_some(())
    });

    let service = run.start("service");
    wait_for("lag of zero", || {
        let committed = run.cluster.committed().get(&0).copied();
        (committed == i64::try_from(written).ok()).then_some(())
    });
    run.stop(service);

    // It may go on while it is read: what is left in the end was there all the time.
    let verdict = run.history().verdict();
    let left = run.cluster.read().len();
    assert_eq!((verdict.handled, verdict.uncommitted), (left, Some(0)), "{verdict}");
    assert!(left < written - RECORDS / 2, "{left} of {written} are left");
}
