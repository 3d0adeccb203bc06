//! A downstream that is away for a while, under a steady load.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use payflow_core::MemoryInbox;
use payflow_proof::{Event, EventLog};

use crate::cluster::{Cluster, New, payment};
use crate::forms::{fact, is_long, time};
use crate::load::Load;
use crate::run::Run;
use crate::{LOOK_INTERVAL, wait_for};

const PARTITIONS: i32 = 6;
/// What a process may hold of records, by its flag.
const HELD_MIB: u64 = 8;
/// By how much its memory may grow: the records, as much in buffers that they lie in, a quarter of that fetched ahead, and
/// as much again as all of these for what is no record.
const GROWTH_MIB_MAX: u64 = 2 * (HELD_MIB + HELD_MIB + HELD_MIB / 4);
/// What its inbox takes for each notification that it remembers, at most.
const REMEMBERED_BYTES: usize = 512;
/// Large records that come at the beginning of the outage: several times what may be held.
const LARGE: usize = 1_500;
const LARGE_BYTES: usize = 64 * 1_024;
/// What had looked whether the downstream is there has sent by then.
const UNTIL_IT_IS_AWAY: Duration = Duration::from_secs(2);

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn a_downstream_that_is_away_fills_no_dead_letters_and_no_memory_and_all_goes_out_after_it() {
    let (outage, per_second) =
        if is_long() { (Duration::from_secs(60), 2_000) } else { (Duration::from_secs(5), 400) };
    let cluster = Cluster::with_partitions(PARTITIONS);
    let down = std::env::temp_dir().join(format!("{}.down", cluster.topic));
    let flag = down.to_str().expect("the temporary folder's name is text").to_owned();
    // With 20 ms from attempt to attempt the first keys would have used theirs up before there are enough for a storm.
    let held = format!("--held-mib={HELD_MIB}");
    let run = Run::on(cluster, &["--down", &flag, "--retry-ms=1000", &held]);
    let service = run.start("service");
    // Whatever piles up: the load goes on.
    let load = Load { partitions: PARTITIONS, keys: 10_000, per_second, ahead: usize::MAX };

    let (told, loaded) = load.beside(&run, || {
        run.wait_for_done(per_second);
        let (_, before) = service.memory_kib();
        fs::write(&down, "").expect("the temporary folder can be written");
        let away = EventLog::now() + UNTIL_IT_IS_AWAY;
        let (done, large) = (run.records_done(), large());
        run.cluster.write(&large);
        thread::sleep(outage);
        let sent = sent(&run);
        let outage = away..EventLog::now();
        // Nothing of what came is handled yet.
        let (in_it, _) = service.memory_kib();
        fs::remove_file(&down).expect("it was written");
        let back = Instant::now();
        wait_for("first notification after it", || (self::sent(&run) > sent).then_some(()));
        let recovery = back.elapsed();
        // As many as came in the meantime.
        let seconds = usize::try_from((outage.end - outage.start).as_secs()).expect("few");
        run.wait_for_done(done + large.len() + per_second * seconds);
        (recovery, back.elapsed(), (before, in_it), outage)
    });
    let ((recovery, caught_up, (before, in_it), away), written) = (told, loaded + LARGE);
    run.settle(written);
    let (peak, _) = service.memory_kib();
    let counts = run.stop(service);

    let verdict = run.judge();
    assert_eq!((verdict.handled, verdict.dead_lettered), (written, 0), "{verdict}");
    assert_eq!((counts.dead_lettered, verdict.doubled, verdict.repeats.all()), (0, 0, 0), "{verdict}");
    let is_in_it = |event: &&Event| matches!(event, Event::Sent { at, .. } if away.contains(at));
    let sent_in_it = run.seen().events.iter().filter(is_in_it).count();
    assert_eq!(sent_in_it, 0, "notifications went out though the downstream was away: {verdict}");
    let most = before + GROWTH_MIB_MAX * 1_024;
    assert!(in_it <= most, "{in_it} KiB at the most in the outage, {before} KiB before it");
    let remembered = (written.min(MemoryInbox::ENTRIES_MAX) * REMEMBERED_BYTES / 1_024) as u64;
    assert!(peak <= most + remembered, "{peak} KiB at the most, {before} KiB before the outage");
    fact("outage", format_args!("{} s", outage.as_secs()));
    fact("asked for", format_args!("{per_second} records/s"));
    fact("records", written);
    fact("lost", 0);
    fact("dead letters", verdict.dead_lettered);
    fact("calls that failed", verdict.starts - written);
    fact("notifications in the outage", sent_in_it);
    time("first notification after it is back", recovery);
    time("arrears done after it is back", caught_up);
    fact("large records that came in the outage", format_args!("{} MiB", (LARGE * LARGE_BYTES) >> 20));
    fact("of records held at most, by the settings", format_args!("{HELD_MIB} MiB"));
    fact("memory before the outage", format_args!("{} MiB", before / 1_024));
    fact("memory at the most in the outage", format_args!("{} MiB", in_it / 1_024));
    fact("memory at the most, with all that its inbox remembers", format_args!("{} MiB", peak / 1_024));
}

/// Of many keys, none of which has much of what may be held.
fn large() -> Vec<New> {
    let padding = " ".repeat(LARGE_BYTES);
    let mut records = Vec::with_capacity(LARGE);
    for (number, partition) in (0..LARGE).zip((0..PARTITIONS).cycle()) {
        let mut record = payment(partition, &format!("large{number}"), "card");
        record.value.iter_mut().for_each(|value| value.extend_from_slice(padding.as_bytes()));
        records.push(record);
    }
    records
}

fn sent(run: &Run) -> usize {
    thread::sleep(LOOK_INTERVAL);
    run.seen().events.iter().filter(|event| matches!(event, Event::Sent { .. })).count()
}
