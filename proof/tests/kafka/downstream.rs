//! A downstream that is away for a while, under a steady load.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use payflow_proof::Event;

use crate::cluster::Cluster;
use crate::forms::{fact, is_long, time};
use crate::load::Load;
use crate::run::Run;
use crate::{LOOK_INTERVAL, wait_for};

const PARTITIONS: i32 = 6;
/// What a process holds at most, by its settings: 64 MiB of records, as much in buffers that they lie in, a quarter of that
/// fetched ahead, and 64 MiB for all that is no record.
const MEMORY_KIB_MAX: u64 = (64 + 64 + 16 + 64) * 1_024;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_downstream_that_is_away_fills_no_dead_letters_and_no_memory_and_all_goes_out_after_it() {
    let (outage, per_second) =
        if is_long() { (Duration::from_secs(60), 2_000) } else { (Duration::from_secs(5), 400) };
    let cluster = Cluster::with_partitions(PARTITIONS);
    let down = std::env::temp_dir().join(format!("{}.down", cluster.topic));
    let flag = down.to_str().expect("the temporary folder's name is text").to_owned();
    // With 20 ms from attempt to attempt the first keys would have used theirs up before there are enough for a storm.
    let run = Run::on(cluster, &["--down", &flag, "--retry-ms=1000"]);
    let service = run.start("service");
    // Whatever piles up: the load goes on.
    let load = Load { partitions: PARTITIONS, keys: 10_000, per_second, ahead: usize::MAX };

    let ((recovery, caught_up, before), written) = load.beside(&run, || {
        run.wait_for_done(per_second);
        let (_, before) = service.memory_kib();
        fs::write(&down, "").expect("the temporary folder can be written");
        let done = run.records_done();
        thread::sleep(outage);
        let sent = sent(&run);
        fs::remove_file(&down).expect("it was written");
        let back = Instant::now();
        wait_for("first notification after it", || (self::sent(&run) > sent).then_some(()));
        let recovery = back.elapsed();
        // As many as came in the meantime.
        run.wait_for_done(done + per_second * usize::try_from(outage.as_secs()).expect("few"));
        (recovery, back.elapsed(), before)
    });
    run.settle(written);
    let (peak, _) = service.memory_kib();
    let counts = run.stop(service);

    let verdict = run.judge();
    assert_eq!((verdict.handled, verdict.dead_lettered), (written, 0), "{verdict}");
    assert_eq!((counts.dead_lettered, verdict.doubled, verdict.repeats.all()), (0, 0, 0), "{verdict}");
    assert!(peak <= MEMORY_KIB_MAX, "{peak} KiB at the most");
    fact("outage", format_args!("{} s", outage.as_secs()));
    fact("asked for", format_args!("{per_second} records/s"));
    fact("records", written);
    fact("lost", 0);
    fact("dead letters", verdict.dead_lettered);
    fact("calls that failed", verdict.starts - written);
    time("first notification after it is back", recovery);
    time("arrears done after it is back", caught_up);
    fact("memory before the outage", format_args!("{} MiB", before / 1_024));
    fact("memory at the most", format_args!("{} MiB", peak / 1_024));
}

fn sent(run: &Run) -> usize {
    thread::sleep(LOOK_INTERVAL);
    run.seen().events.iter().filter(|event| matches!(event, Event::Sent { .. })).count()
}
