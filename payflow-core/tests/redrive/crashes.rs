//! What a crash repeats, and what happens when partitions change hands.

use std::collections::BTreeMap;
use std::time::Duration;

use payflow_core::{Fault, HeaderName, MemoryCluster, MemoryConfig, RedriveConfig, RedriveEnd};
use tokio::time::sleep;

use crate::rig::{GROUP, Rig, text};

/// How often each text came back, and that each time it bore the same id.
fn times(rig: &Rig) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for record in rig.back() {
        let text = text(&record);
        assert_eq!(record.headers().text(HeaderName::PAYMENT_ID), Some(format!("id of {text}").as_str()));
        *times.entry(text).or_default() += 1;
    }
    times
}

#[tokio::test(start_paused = true)]
async fn a_crash_repeats_at_most_what_was_in_flight_with_the_same_ids() {
    const IN_FLIGHT: usize = 8;
    let config = RedriveConfig::new().with_rate(1_000).with_in_flight_max(IN_FLIGHT);
    let mut repeated = 0;
    for crash_after_ms in (1..400).step_by(7) {
        // Commits take a while, so that there is something to repeat.
        let mut rig = Rig::new(3);
        rig.cluster =
            MemoryCluster::with_config(MemoryConfig::new().with_commit_latency(Duration::from_millis(20)));
        rig.cluster.create_topic(&rig.topic, 4).unwrap();
        rig.cluster.create_topic(&rig.dead, 3).unwrap();
        rig.set_many_aside(100, 8).await;

        let crashing = tokio::spawn(rig.redrive(config.clone()).run(std::future::pending()));
        sleep(Duration::from_millis(crash_after_ms)).await;
        crashing.abort();
        assert!(crashing.await.unwrap_err().is_cancelled(), "it ended before it crashed");
        let before = rig.back().len();

        let rest = rig.run(config.clone()).await.unwrap();
        assert_eq!(rest.end, RedriveEnd::Complete);
        let times = times(&rig);
        assert_eq!(times.len(), 100, "each came back");
        let again = before + rest.counts.sent as usize - 100;
        assert!(again <= IN_FLIGHT, "{again} were repeated");
        repeated += again;
    }
    assert!(repeated > 50, "{repeated}: the crashes hit nothing");
}

#[tokio::test(start_paused = true)]
async fn commits_that_fail_are_made_up_for_and_repeat_nothing() {
    let rig = Rig::new(2);
    rig.set_many_aside(50, 8).await;
    rig.cluster.fail_next_commits(
        GROUP,
        [Fault::Transient { retry_after: None }, Fault::Unknown, Fault::Transient { retry_after: None }],
    );

    let report = rig.run(RedriveConfig::new()).await.unwrap();

    assert_eq!((report.end, report.counts.sent), (RedriveEnd::Complete, 50));
    assert_eq!((rig.back().len(), rig.cluster.lag(GROUP, &rig.dead)), (50, 0));
}

#[tokio::test(start_paused = true)]
async fn a_last_commit_that_does_not_succeed_is_an_error_and_not_a_success() {
    let rig = Rig::new(1);
    rig.set_many_aside(3, 1).await;
    rig.cluster.fail_next_commits(GROUP, [Fault::Transient { retry_after: None }; 1_000]);

    let error = rig.run(RedriveConfig::new()).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Unknown);
    assert!(error.chain().contains("the next redrive sends it again"), "{}", error.chain());
}

#[tokio::test(start_paused = true)]
async fn two_redrives_of_a_group_share_the_partitions_and_repeat_nothing() {
    let rig = Rig::new(6);
    rig.set_many_aside(300, 8).await;
    let config = RedriveConfig::new().with_rate(50);
    let first = tokio::spawn(rig.redrive(config.clone()).run(std::future::pending()));
    sleep(Duration::from_secs(1)).await;
    let second = tokio::spawn(rig.redrive(config).run(std::future::pending()));

    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());

    assert!(first.counts.sent > 0 && second.counts.sent > 0, "{first:?} {second:?}");
    let times = times(&rig);
    assert_eq!(times.values().copied().collect::<Vec<_>>(), [1; 300]);
    assert_eq!(rig.cluster.lag(GROUP, &rig.dead), 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_thrown_out_goes_on_and_loses_nothing() {
    let rig = Rig::new(2);
    rig.set_many_aside(100, 8).await;
    let consumer = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.dead)).unwrap();
    let member = consumer.member();
    let config = RedriveConfig::new().with_in_flight_max(4);
    let redrive = payflow_core::Redrive::new(consumer, std::sync::Arc::new(rig.cluster.producer()), config);
    let running = tokio::spawn(redrive.run(std::future::pending()));
    sleep(Duration::from_millis(300)).await;

    assert!(rig.cluster.expel(member));
    let report = running.await.unwrap().unwrap();

    assert_eq!(report.end, RedriveEnd::Complete);
    let times = times(&rig);
    assert_eq!(times.len(), 100);
    assert!(times.values().sum::<usize>() <= 104, "{times:?}");
}
