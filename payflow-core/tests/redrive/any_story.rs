//! Whatever happens to the redrives of a group: each letter that is meant comes back, in order, and little is repeated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{
    Error, Fault, HeaderName, MemoryCluster, MemoryConfig, MemoryProducer, Producer, Receipt, Record,
    Redrive, RedriveConfig, RedriveEnd, RedriveFilter, Topic,
};
use proptest::prelude::*;
use tokio::time::sleep;

use crate::rig::{GROUP, LETTER, Letter, Rig, text};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const STAGES: [&str; 2] = ["handler", "decode"];

/// What becomes of one redrive.
#[derive(Debug, Clone)]
enum Fate {
    Crashes,
    IsExpelled,
    IsTold,
    Ends,
}

#[derive(Debug, Clone)]
struct Chapter {
    fate: Fate,
    after_ms: u64,
    sends_fail: Vec<bool>,
    commits_fail: Vec<bool>,
    limit: Option<u64>,
    stage: Option<usize>,
}

#[derive(Debug, Clone)]
struct Story {
    partitions: u32,
    /// Key, stage, and whether the outcome is unknown.
    letters: Vec<(usize, usize, bool)>,
    in_flight: usize,
    rate: u32,
    send_ms: u64,
    commit_ms: u64,
    chapters: Vec<Chapter>,
}

fn chapter() -> impl Strategy<Value = Chapter> {
    let fate = prop_oneof![
        3 => Just(Fate::Crashes),
        2 => Just(Fate::IsExpelled),
        2 => Just(Fate::IsTold),
        1 => Just(Fate::Ends),
    ];
    let faults = || proptest::collection::vec(any::<bool>(), 0..4);
    (fate, 0..300_u64, faults(), faults(), proptest::option::of(1..20_u64), proptest::option::of(0..2_usize))
        .prop_map(|(fate, after_ms, sends_fail, commits_fail, limit, stage)| Chapter {
            fate,
            after_ms,
            sends_fail,
            commits_fail,
            limit,
            stage,
        })
}

fn story() -> impl Strategy<Value = Story> {
    (
        1..4_u32,
        proptest::collection::vec((0..KEYS.len(), 0..STAGES.len(), proptest::bool::weighted(0.2)), 0..60),
        1..6_usize,
        prop_oneof![Just(100), Just(1_000), Just(100_000)],
        0..30_u64,
        0..30_u64,
        proptest::collection::vec(chapter(), 0..6),
    )
        .prop_map(|(partitions, letters, in_flight, rate, send_ms, commit_ms, chapters)| Story {
            partitions,
            letters,
            in_flight,
            rate,
            send_ms,
            commit_ms,
            chapters,
        })
}

/// Takes a while for each send: written first, or answered first.
struct Slow {
    inner: MemoryProducer,
    time: Duration,
}

#[async_trait]
impl Producer for Slow {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        sleep(self.time / 2).await;
        let sent = self.inner.send(record).await;
        sleep(self.time / 2).await;
        sent
    }

    async fn send_all(&self, _records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        unreachable!("a redrive sends one by one")
    }

    async fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn faults(fail: &[bool]) -> Vec<Fault> {
    fail.iter()
        .map(|unknown| if *unknown { Fault::Unknown } else { Fault::Transient { retry_after: None } })
        .collect()
}

/// Whether something may have been left uncommitted.
async fn live(story: &Story, rig: &Rig, chapter: &Chapter) -> Result<bool, TestCaseError> {
    rig.cluster.fail_next_sends(&rig.topic, faults(&chapter.sends_fail));
    rig.cluster.fail_next_commits(GROUP, faults(&chapter.commits_fail));
    let mut config = RedriveConfig::new()
        .with_rate(story.rate)
        .with_in_flight_max(story.in_flight)
        .with_idle_timeout(Duration::from_secs(60));
    if let Some(limit) = chapter.limit {
        config = config.with_limit(limit);
    }
    if let Some(stage) = chapter.stage {
        config = config.with_filter(RedriveFilter::new().with_stage(STAGES[stage]));
    }
    let consumer = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.dead)).unwrap();
    let member = consumer.member();
    let producer = Slow { inner: rig.cluster.producer(), time: Duration::from_millis(story.send_ms) };
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async { drop(told.await) };
    let running = tokio::spawn(Redrive::new(consumer, Arc::new(producer), config).run(shutdown));
    sleep(Duration::from_millis(chapter.after_ms)).await;
    match chapter.fate {
        Fate::Crashes => {
            running.abort();
            let _ = running.await;
            return Ok(true);
        }
        Fate::IsExpelled => {
            rig.cluster.expel(member);
        }
        Fate::IsTold => drop(tell),
        Fate::Ends => {}
    }
    let is_told = matches!(chapter.fate, Fate::IsTold);
    match running.await.unwrap() {
        Ok(report) => {
            let is_right = match report.end {
                RedriveEnd::Complete => true,
                RedriveEnd::Limit => chapter.limit.is_some(),
                RedriveEnd::ShutDown => is_told,
                _ => false,
            };
            prop_assert!(is_right, "{:?}", report.end);
            Ok(matches!(chapter.fate, Fate::IsExpelled))
        }
        // So many commits failed that the time was up.
        Err(error) => {
            prop_assert_eq!(error.operation(), "commit redriven letters");
            Ok(true)
        }
    }
}

async fn check(story: Story) -> Result<(), TestCaseError> {
    let latency = Duration::from_millis(story.commit_ms);
    let cluster = MemoryCluster::with_config(MemoryConfig::new().with_commit_latency(latency));
    let (topic, dead) = (Topic::parse("payments").unwrap(), Topic::parse("payments.dead").unwrap());
    cluster.create_topic(&topic, 2).unwrap();
    cluster.create_topic(&dead, story.partitions).unwrap();
    let rig = Rig { cluster, topic, dead };
    for (number, (key, stage, unknown)) in story.letters.iter().enumerate() {
        let fault = if *unknown { "unknown" } else { "permanent" };
        let letter = Letter { key: KEYS[*key], stage: STAGES[*stage], fault, ..LETTER };
        let _receipt = rig.set_aside(&number.to_string(), letter).await;
    }

    let last = Chapter {
        fate: Fate::Ends,
        after_ms: 0,
        sends_fail: Vec::new(),
        commits_fail: Vec::new(),
        limit: None,
        stage: None,
    };
    let mut lost = 0;
    for chapter in &story.chapters {
        lost += usize::from(live(&story, &rig, chapter).await?);
    }
    while live(&story, &rig, &last).await? {
        lost += 1;
    }

    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    let mut firsts: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for record in rig.back() {
        let number: usize = text(&record).parse().unwrap();
        let (key, stage, unknown) = story.letters[number];
        prop_assert!(!unknown, "{} was not asked for", number);
        let id = format!("id of {number}");
        prop_assert_eq!(record.headers().text(HeaderName::PAYMENT_ID), Some(id.as_str()));
        let count = times.entry(number).or_default();
        *count += 1;
        if *count == 1 {
            // By stage too: a filter lets one stage pass the other.
            firsts.entry((key, stage)).or_default().push(number);
        }
    }
    let meant = story.letters.iter().filter(|(_, _, unknown)| !unknown).count();
    prop_assert_eq!(times.len(), meant, "each that is meant came back");
    let repeated = times.values().sum::<usize>() - meant;
    let most = lost * story.in_flight;
    prop_assert!(repeated <= most, "{} repeated, of {} at most", repeated, most);
    for numbers in firsts.values() {
        prop_assert!(numbers.is_sorted(), "{:?}", numbers);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_letter_that_is_meant_comes_back_in_order_and_little_is_repeated(story in story()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(check(story))?;
    }
}
