//! What one key, or what fails, may take from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use payflow_core::{DeadLetters, Error, Fault, Message, PipelineConfig, RetryPolicy, StormPolicy};

use crate::rig::{Rig, Seen};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_blocks_the_others_no_longer_than_its_share_takes() {
    let rig = Rig::new(1);
    // As much as may be held at once, all of one key, and another behind it.
    for number in 0..800 {
        rig.send("stuck", &number.to_string()).await;
    }
    rig.send("other", "through").await;
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |message: Message<String>| {
            let other = message.body() == "through";
            if other {
                seen.note("other", message.body());
            }
            async move { if other { Ok(()) } else { Err(Error::transient("stuck")) } }
        }
    };
    let config = PipelineConfig::new()
        .with_records_max(800)
        .with_retry(RetryPolicy::new([3_600 * SECOND; 10]))
        .with_storm(StormPolicy::off());
    let pipeline = rig.start(config, handler);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(seen.of("other"), ["through"]);
    // Down to just below an eighth, the retries have their time again.
    assert_eq!(pipeline.handle.snapshot().records, 99);
    let letters = rig.dead_letters();
    assert_eq!(letters.len(), 800 - 99);
    assert!(letters.iter().all(|letter| letter.headers().text(DeadLetters::STAGE) == Some("lane full")));
    assert!(letters.iter().all(|letter| letter.headers().text(DeadLetters::FAULT) == Some("transient")));
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_the_dead_letters_are_down_a_full_lane_keeps_its_order_and_loses_nothing() {
    let rig = Rig::new(1);
    rig.cluster.refuse_sends(&rig.dead, Some(Fault::Unknown));
    for number in 0..100 {
        rig.send("stuck", &number.to_string()).await;
    }
    let handler = |_: Message<String>| async { Err(Error::transient("stuck")) };
    let config = PipelineConfig::new()
        .with_records_max(400)
        .with_retry(RetryPolicy::new([3_600 * SECOND]))
        .with_storm(StormPolicy::off());
    let pipeline = rig.start(config, handler);
    tokio::time::sleep(600 * SECOND).await;
    assert_eq!(pipeline.handle.snapshot().dead_lettered, 0);
    rig.cluster.refuse_sends(&rig.dead, None);
    tokio::time::sleep(60 * SECOND).await;
    let letters = rig.dead_letters();
    let texts: Vec<_> =
        letters.iter().map(|letter| String::from_utf8_lossy(letter.value().unwrap()).into_owned()).collect();
    assert_eq!(texts, (0..100 - 49).map(|number| number.to_string()).collect::<Vec<_>>());
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_takes_at_most_half_of_the_concurrency() {
    let rig = Rig::new(4);
    for number in 0..200 {
        rig.send(&format!("f{number}"), "fails").await;
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        move |message: Message<String>| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                if message.body() == "fine" {
                    return Ok(());
                }
                if message.attempt() == 1 {
                    return Err(Error::transient("first"));
                }
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::time::sleep(10 * SECOND).await;
                now.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            }
        }
    };
    let config = PipelineConfig::new()
        .with_shards(3)
        .with_concurrency(16)
        .with_retry(RetryPolicy::new([SECOND]))
        .with_storm(StormPolicy::off());
    let pipeline = rig.start(config, handler);
    tokio::time::sleep(5 * SECOND).await;
    for number in 0..200 {
        rig.send(&format!("n{number}"), "fine").await;
    }
    tokio::time::sleep(SECOND).await;
    assert!(pipeline.handle.snapshot().handled >= 200, "what is new has the other half");
    rig.settled().await;
    assert_eq!(most.load(Ordering::Relaxed), 8);
    pipeline.stop().await.unwrap();
}

/// How many records of other keys are handled in 20 s, each for 1 ms, beside a key with half of the traffic or alone.
async fn others_handled(hot_key: bool) -> usize {
    let rig = Rig::new(8);
    let others = Arc::new(AtomicUsize::new(0));
    let handler = {
        let others = Arc::clone(&others);
        move |message: Message<String>| {
            let others = Arc::clone(&others);
            async move {
                if message.body() == "hot" {
                    tokio::time::sleep(5 * MS).await;
                } else {
                    tokio::time::sleep(MS).await;
                    others.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Error>(())
            }
        }
    };
    let pipeline = rig.start(PipelineConfig::new().with_shards(4), handler);
    // 170 a second each: all that one lane of 5 ms (and a timer's millisecond) can take.
    for number in 0..3_400 {
        if hot_key {
            rig.send("hot", "hot").await;
        }
        rig.send(&format!("u{}", number % 1_000), "other").await;
        tokio::time::sleep(SECOND / 170).await;
    }
    let handled = others.load(Ordering::Relaxed);
    pipeline.stop().await.unwrap();
    handled
}

#[tokio::test(start_paused = true)]
async fn a_hot_key_with_half_of_the_traffic_leaves_the_others_nine_tenths() {
    let (beside, alone) = (others_handled(true).await, others_handled(false).await);
    assert!(beside * 10 >= alone * 9, "{beside} beside a hot key, {alone} alone");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_and_has_little_traffic_does_not_hold_its_partition_back() {
    // Few enough to fill no lane by number; each stays unfinished, and a commit can tell of only so many.
    for one_in in [20, 100] {
        let rig = Rig::new(1);
        for number in 0..60_000 {
            let key = if number % one_in == 0 { "stuck".to_owned() } else { format!("u{}", number % 1_000) };
            rig.send(&key, &key).await;
        }
        let good = Arc::new(AtomicUsize::new(0));
        let handler = {
            let good = Arc::clone(&good);
            move |message: Message<String>| {
                let good = Arc::clone(&good);
                async move {
                    if message.body() == "stuck" {
                        return Err(Error::transient("stuck"));
                    }
                    good.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
            }
        };
        let config = PipelineConfig::new().with_shards(1).with_retry(RetryPolicy::new([600 * SECOND; 10]));
        let pipeline = rig.start(config, handler);
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(good.load(Ordering::Relaxed), 60_000 - 60_000 / one_in, "one in {one_in}");
        pipeline.kill().await;
    }
}

/// A key that fails has a burst of a few hundred records among others; then it is silent, and the others go on.
async fn burst(config: PipelineConfig, wait: Duration) -> (usize, usize, usize, bool) {
    let rig = Rig::new(1);
    for number in 0..1_000 {
        let key = if number % 2 == 0 { "stuck".to_owned() } else { format!("u{number}") };
        rig.send(&key, &key).await;
    }
    for number in 0..60_000 {
        let key = format!("u{}", number % 1_000);
        rig.send(&key, &key).await;
    }
    let good = Arc::new(AtomicUsize::new(0));
    let handler = {
        let good = Arc::clone(&good);
        move |message: Message<String>| {
            let good = Arc::clone(&good);
            async move {
                if message.body() == "stuck" {
                    return Err(Error::transient("stuck"));
                }
                good.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    };
    let pipeline = rig.start(config.with_shards(1), handler);
    tokio::time::sleep(wait).await;
    let storm = !pipeline.handle.storms().is_empty();
    let held = pipeline.handle.snapshot().records;
    pipeline.kill().await;
    (good.load(Ordering::Relaxed), rig.dead_letters().len(), held, storm)
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_one_bad_key_does_not_hold_its_partition_back() {
    let (good, dead, held, storm) = burst(PipelineConfig::new(), 3_600 * SECOND).await;
    assert_eq!(good, 60_500, "after an hour, with {dead} dead letters, {held} held, storm {storm}");
}

#[tokio::test(start_paused = true)]
async fn with_one_permit_what_is_new_gets_its_turn_beside_what_failed() {
    let rig = Rig::new(1);
    for number in 0..4 {
        rig.send(&format!("f{number}"), "fails").await;
    }
    let (failures, waited) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
    let handler = {
        let (failures, waited) = (Arc::clone(&failures), Arc::clone(&waited));
        move |message: Message<String>| {
            let (failures, waited) = (Arc::clone(&failures), Arc::clone(&waited));
            async move {
                tokio::time::sleep(SECOND / 100).await;
                if message.body() == "fine" {
                    waited.store(failures.load(Ordering::Relaxed), Ordering::Relaxed);
                    return Ok(());
                }
                failures.fetch_add(1, Ordering::Relaxed);
                Err(Error::transient("fails"))
            }
        }
    };
    let config = PipelineConfig::new()
        .with_shards(1)
        .with_concurrency(1)
        .with_retry(RetryPolicy::new([SECOND / 1_000; 900]))
        .with_storm(StormPolicy::off());
    let pipeline = rig.start(config, handler);
    tokio::time::sleep(SECOND).await;
    let before = failures.load(Ordering::Relaxed);
    rig.send("new", "fine").await;
    tokio::time::sleep(30 * SECOND).await;
    let waited = waited.load(Ordering::Relaxed);
    assert!(waited < before + 10, "{before} attempts before it came, and it waited until {waited}");
    pipeline.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_runs_long_leaves_the_other_place_to_what_is_new() {
    // Two places; the keys are spread over two shards.
    let rig = Rig::new(1);
    let done = Arc::new(AtomicUsize::new(0));
    let handler = {
        let done = Arc::clone(&done);
        move |message: Message<String>| {
            let done = Arc::clone(&done);
            async move {
                match (message.body().as_str(), message.attempt()) {
                    ("slow", 1) => Err(Error::transient("first")),
                    ("slow", _) => {
                        tokio::time::sleep(600 * SECOND).await;
                        Ok(())
                    }
                    _ => {
                        tokio::time::sleep(SECOND / 100).await;
                        done.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    }
                }
            }
        }
    };
    let config = PipelineConfig::new()
        .with_shards(4)
        .with_concurrency(2)
        .with_handler_timeout(3_600 * SECOND)
        .with_retry(RetryPolicy::new([SECOND; 5]))
        .with_storm(StormPolicy::off());
    let pipeline = rig.start(config, handler);
    for number in 0..8 {
        rig.send(&format!("s{number}"), "slow").await;
    }
    for _ in 0..100 {
        for number in 0..16 {
            rig.send(&format!("n{number}"), "new").await;
        }
        tokio::time::sleep(SECOND / 2).await;
    }
    tokio::time::sleep(10 * SECOND).await;
    let done = done.load(Ordering::Relaxed);
    pipeline.kill().await;
    assert_eq!(done, 1_600);
}
