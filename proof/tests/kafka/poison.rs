//! Records that cannot be handled, at the head of each partition.

use crate::cluster::{Cluster, New, payment, payments};
use crate::run::Run;

const PARTITIONS: i32 = 4;
const KEYS: u32 = 3;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn poison_at_the_head_of_each_partition_is_set_aside_whole_and_all_behind_it_is_handled() {
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &["--handler-ms=1"]);
    let heads: Vec<New> = (0..PARTITIONS).flat_map(poison).collect();
    let good = payments(PARTITIONS, KEYS, 5);
    run.cluster.write(&heads);
    run.cluster.write(&good);

    let process = run.start("first");
    run.wait_for_done(good.len());
    let counts = run.stop(process);

    let verdict = run.judge();
    assert_eq!((verdict.handled, verdict.dead_lettered), (good.len(), heads.len()), "{verdict}");
    assert_eq!((counts.handled, counts.dead_lettered), (good.len() as u64, heads.len() as u64));
}

/// Bytes that are no text, a payment whose handler panics, and one that is refused for good: under keys that good
/// payments behind them have too.
fn poison(partition: i32) -> [New; 3] {
    let key = |key: u32| format!("u{partition}-{key}");
    let garbage = (0..=255).rev().cycle().take(1_000 + partition.unsigned_abs() as usize).collect();
    [
        New { value: Some(garbage), ..payment(partition, &key(0), "card") },
        payment(partition, &key(1), "panic"),
        payment(partition, &key(2), "permanent"),
    ]
}
