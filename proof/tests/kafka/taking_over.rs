//! A group that changes hands between a Go service and payflow: each goes on where the other stopped.

use std::collections::{BTreeMap, BTreeSet};

use payflow_proof::Place;

use crate::cluster::{Cluster, payments};
use crate::go::go;
use crate::interop::place;
use crate::pipeline::handle;

const PARTITIONS: i32 = 2;
const KEYS: u32 = 3;
const ROUNDS: u32 = 10;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn each_client_of_a_group_goes_on_where_the_one_before_it_stopped() {
    let cluster = Cluster::with_partitions(PARTITIONS);
    let all = payments(PARTITIONS, KEYS, ROUNDS);
    cluster.write(&all);
    let mut handled = Vec::new();

    // Go, up to n.
    let by_go = consume(&cluster, 13);
    assert_eq!(cluster.committed(), ends(&by_go));
    handled.push(by_go);

    // payflow, from n to the end of some more.
    let more = payments(PARTITIONS, KEYS, 2);
    let left = all.len() - 13;
    let (by_payflow, _) = handle(&cluster, |handled, _| handled.len() >= left);
    handled.push(by_payflow.into_iter().map(|one| one.place).collect());
    assert_eq!(cluster.committed().values().sum::<i64>(), all.len() as i64);

    // Go again, from where payflow stopped, and payflow from there.
    cluster.write(&more);
    handled.push(consume(&cluster, 5));
    let (by_payflow, _) = handle(&cluster, |handled, _| handled.len() >= more.len() - 5);
    handled.push(by_payflow.into_iter().map(|one| one.place).collect());

    let total = all.len() + more.len();
    let distinct: BTreeSet<Place> = handled.iter().flatten().copied().collect();
    assert_eq!(distinct.len(), total, "each was handled");
    assert_eq!(handled.iter().map(Vec::len).sum::<usize>(), total, "and none twice");
    let (mut next, counts) = (BTreeMap::new(), handled.iter().map(Vec::len));
    eprintln!("handled in turn by Go and payflow: {:?}", counts.collect::<Vec<_>>());
    for place in handled.iter().flatten() {
        let next = next.entry(place.partition).or_insert(0);
        assert_eq!(place.offset, *next, "partition {}", place.partition);
        *next += 1;
    }
}

/// What a Go service reads and commits as the only member of the group.
fn consume(cluster: &Cluster, count: usize) -> Vec<Place> {
    let count = count.to_string();
    let Cluster { brokers, topic, group, .. } = cluster;
    let flags = ["-brokers", brokers, "-topic", topic.as_str(), "-group", group, "-count", &count, "-commit"];
    go(&[&["consume"][..], &flags].concat(), &[]).iter().map(|line| place(line)).collect()
}

/// The offsets that come next.
fn ends(places: &[Place]) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for place in places {
        let end = ends.entry(place.partition).or_insert(0);
        *end = (place.offset + 1).max(*end);
    }
    ends
}
