use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{Error, Message, PipelineConfig, RetryPolicy};

use crate::rig::Rig;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_busy_shard_passes_the_one_permit_on() {
    const HOT: usize = 120_000;
    let rig = Rig::new(1);
    for _ in 0..20_000 {
        rig.send("hot", "hot").await;
    }
    for number in 0..8 {
        rig.send(&format!("c{number}"), "cold").await;
    }
    for _ in 0..HOT {
        rig.send("hot", "hot").await;
    }
    let (hot, waited) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let waited = Arc::clone(&waited);
        move |message: Message<String>| {
            if message.body() == "hot" {
                hot.fetch_add(1, Ordering::Relaxed);
            } else {
                waited.fetch_max(hot.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            async { Ok::<(), Error>(()) }
        }
    };
    let pipeline = rig.start(PipelineConfig::new().with_shards(2).with_concurrency(1), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    let waited = waited.load(Ordering::Relaxed);
    assert!(waited < HOT / 2, "a key waited for {waited} handlings of another");
}

#[tokio::test]
async fn handlers_that_are_always_ready_leave_others_their_budget() {
    let rig = Rig::new(1);
    for (key, text) in [("b1", "busy"), ("k0", "x"), ("k1", "x"), ("k2", "x"), ("b2", "busy")] {
        rig.send(key, text).await;
    }
    let done = Arc::new(AtomicUsize::new(0));
    let overtaken = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let (done, overtaken) = (Arc::clone(&done), Arc::clone(&overtaken));
        move |message: Message<String>| {
            let (done, overtaken) = (Arc::clone(&done), Arc::clone(&overtaken));
            async move {
                let busy = message.body() == "busy";
                for _ in 0..if busy { 1_000_000 } else { 500 } {
                    tokio::task::consume_budget().await;
                }
                if busy {
                    overtaken.lock().unwrap().push(done.load(Ordering::Relaxed));
                } else {
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Error>(())
            }
        }
    };
    let pipeline = rig.start(PipelineConfig::new().with_shards(1), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(*overtaken.lock().unwrap(), [3, 3], "the quick ones end before the busy ones");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_comes_last_waits_for_a_turn_of_the_busy_ones_and_not_for_their_backlog() {
    const BUSY: usize = 8;
    let rig = Rig::new(1);
    for number in 0..BUSY * 100 {
        rig.send(&format!("busy{}", number / 100), "busy").await;
    }
    let (begun, waited) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let handler = {
        let (begun, waited) = (Arc::clone(&begun), Arc::clone(&waited));
        move |message: Message<String>| {
            let begun = begun.fetch_add(1, Ordering::Relaxed);
            if message.body() == "late" {
                *waited.lock().unwrap() = Some(begun);
            }
            async {
                tokio::time::sleep(SECOND / 10).await;
                Ok::<(), Error>(())
            }
        }
    };
    let config = PipelineConfig::new().with_shards(1).with_concurrency(BUSY / 2);
    let pipeline = rig.start(config, handler);
    tokio::time::sleep(SECOND).await;
    let before = begun.load(Ordering::Relaxed);
    rig.send("late", "late").await;
    rig.settled().await;
    pipeline.stop().await.unwrap();
    let waited = waited.lock().unwrap().unwrap() - before;
    assert!(waited <= 2 * BUSY, "a new key waited for {waited} others");
}

#[tokio::test(start_paused = true)]
async fn an_attempts_time_begins_when_it_begins() {
    let rig = Rig::new(1);
    for number in 0..60 {
        rig.send(&format!("u{number}"), "x").await;
    }
    let config =
        PipelineConfig::new().with_shards(1).with_handler_timeout(SECOND).with_retry(RetryPolicy::never());
    // All 60 begin in one turn of their shard, and each takes its time before it first waits.
    let handler = |_: Message<String>| async {
        let ready = tokio::time::sleep(340 * SECOND / 1_000);
        tokio::time::advance(40 * SECOND / 1_000).await;
        ready.await;
        Ok::<(), Error>(())
    };
    let pipeline = rig.start(config, handler);
    rig.settled().await;
    assert_eq!(pipeline.handle.snapshot().handled, 60);
    pipeline.stop().await.unwrap();
}
