//! When a redrive ends.

use std::time::Duration;

use payflow_core::{Fault, RedriveConfig, RedriveEnd};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::rig::{GROUP, LETTER, Letter, Rig};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn told_to_end_it_starts_nothing_more_and_the_next_sends_the_rest() {
    let rig = Rig::new(2);
    rig.set_many_aside(100, 8).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let running = tokio::spawn(rig.redrive(RedriveConfig::new().with_rate(10)).run(shutdown));
    sleep(3 * SECOND).await;

    drop(stop);
    let start = Instant::now();
    let first = running.await.unwrap().unwrap();

    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    assert_eq!((first.end, first.counts.sent), (RedriveEnd::ShutDown, rig.back().len() as u64));
    assert!((30..=32).contains(&first.counts.sent), "{:?}", first.counts);
    let rest = rig.run(RedriveConfig::new()).await.unwrap();
    assert_eq!(rest.counts.sent + first.counts.sent, 100);
    assert_eq!(rig.back().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn told_to_end_it_waits_for_no_pause() {
    let rig = Rig::new(1);
    rig.set_many_aside(3, 3).await;
    rig.cluster.refuse_sends(&rig.topic, Some(Fault::Transient { retry_after: None }));
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let running = tokio::spawn(rig.redrive(RedriveConfig::new()).run(shutdown));
    sleep(600 * SECOND).await;

    drop(stop);
    let start = Instant::now();
    assert_eq!(running.await.unwrap().unwrap().end, RedriveEnd::ShutDown);

    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    assert_eq!(rig.cluster.lag(GROUP, &rig.dead), 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_set_aside_after_it_began_is_left_for_the_next() {
    let rig = Rig::new(1);
    rig.set_many_aside(5, 1).await;
    let config = RedriveConfig::new().with_end(rig.dead.clone(), 0, 3);

    let report = rig.run(config).await.unwrap();

    assert_eq!((report.end, report.counts.seen, report.counts.sent), (RedriveEnd::Complete, 3, 3));
    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap().counts.sent, 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_topic_ends_it_at_once() {
    let rig = Rig::new(3);
    let start = Instant::now();

    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap().end, RedriveEnd::Complete);

    assert!(start.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_was_closed_ends_it() {
    let rig = Rig::new(2);
    rig.set_many_aside(5, 2).await;
    rig.cluster.close_topic(&rig.dead).unwrap();

    let report = rig.run(RedriveConfig::new()).await.unwrap();

    assert_eq!((report.end, report.counts.sent), (RedriveEnd::Complete, 5));
}

#[tokio::test(start_paused = true)]
async fn without_a_partition_it_ends_as_stalled_and_not_as_complete() {
    let rig = Rig::new(1);
    rig.set_many_aside(5, 1).await;
    let _other = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.dead)).unwrap();

    let config = RedriveConfig::new().with_idle_timeout(5 * SECOND);
    let report = rig.run(config).await.unwrap();

    assert_eq!(report.end, RedriveEnd::Stalled { partitions: 0, not_done: Vec::new() });
}

#[tokio::test(start_paused = true)]
async fn more_left_out_than_a_commit_can_tell_of_ends_it_as_stalled_with_the_partition() {
    let rig = Rig::new(1);
    for number in 0..20_000 {
        let _receipt = rig.set_aside(&number.to_string(), Letter { fault: "unknown", ..LETTER }).await;
    }
    let _receipt = rig.set_aside("behind all", LETTER).await;

    let report = rig.run(RedriveConfig::new().with_rate(100_000)).await.unwrap();

    assert_eq!(report.end, RedriveEnd::Stalled { partitions: 1, not_done: vec![0] });
    assert_eq!(report.counts.sent, 0);
    let asked_for = rig.run(RedriveConfig::new().with_rate(100_000).with_unknown(true)).await.unwrap();
    assert_eq!((asked_for.end, asked_for.counts.sent), (RedriveEnd::Complete, 20_001));
}

#[tokio::test(start_paused = true)]
async fn receives_that_fail_for_a_while_are_repeated_and_an_unusable_consumer_ends_it() {
    let rig = Rig::new(1);
    rig.set_many_aside(5, 1).await;
    rig.cluster.fail_next_receives(GROUP, [Fault::Transient { retry_after: None }; 5]);
    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap().counts.sent, 5);

    rig.set_many_aside(5, 1).await;
    rig.cluster.fail_next_receives(GROUP, [Fault::Fatal]);
    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap_err().fault(), Fault::Fatal);
    assert_eq!(rig.cluster.lag(GROUP, &rig.dead), 5);
}
