//! Handlers that take longer than everything that a member of a group is given time for.

use std::collections::BTreeSet;

use payflow_proof::Event;
use rdkafka::consumer::Consumer as _;

use crate::cluster::{Cluster, payments};
use crate::run::Run;
use crate::{PATIENCE, wait_for};

const PARTITIONS: i32 = 4;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn handlers_that_take_longer_than_the_poll_interval_cost_no_rebalance() {
    let run = Run::on(
        Cluster::with_partitions(PARTITIONS),
        &["--handler-ms=20000", "--session-ms=6000", "--max-poll-ms=6000", "--revoke-drain-ms=2000"],
    );
    // None of them fails: that would be another 20 s.
    let records: Vec<_> = payments(PARTITIONS, 3, 1).into_iter().filter(|one| !is_transient(one)).collect();
    run.cluster.write(&records);
    let service = run.start("service");
    run.wait_for_starts("service", records.len(), 0);

    // A member that was thrown out, or let a rebalance pass, is another one when it is back.
    let looker = run.cluster.reader();
    let mut members = BTreeSet::new();
    wait_for("end of all", || {
        let groups = looker.fetch_group_list(Some(&run.cluster.group), PATIENCE).expect("the broker answers");
        let group = groups.groups().first().expect("the group is there");
        members.insert((
            group.state().to_owned(),
            group.members().iter().map(|member| member.id().to_owned()).collect::<Vec<_>>(),
        ));
        (run.records_done() == records.len()).then_some(())
    });
    run.settle(records.len());
    run.stop(service);

    let verdict = run.judge();
    assert_eq!((verdict.handled, verdict.repeats.all()), (records.len(), 0), "{verdict}");
    assert_eq!(members.len(), 1, "one member, and stable all the time: {members:?}");
    let assignments: BTreeSet<(i32, u32)> = run.seen().events.iter().filter_map(assignment).collect();
    assert_eq!(assignments.len(), PARTITIONS as usize, "each partition was assigned once: {assignments:?}");
}

fn is_transient(record: &crate::cluster::New) -> bool {
    record.value.as_deref().is_some_and(|value| value.windows(9).any(|part| part == b"transient"))
}

fn assignment(event: &Event) -> Option<(i32, u32)> {
    match event {
        Event::Started { place, assignment, .. } => Some((place.partition, *assignment)),
        _ => None,
    }
}
