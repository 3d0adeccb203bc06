//! What `health` says in each situation that a person on call may meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payflow_core::{
    Error, Fault, MemoryConfig, Message, OffsetTracker, PipelineConfig, PipelineHandle, PipelineHealth,
    PipelineState, RebalanceProtocol, RetryPolicy, StormPolicy, UnfinishedStage,
};

use crate::rig::{GROUP, Rig};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// (live, progressing, state)
fn health(handle: &PipelineHandle) -> (bool, bool, PipelineState) {
    let PipelineHealth { live, progressing, state, .. } = handle.health();
    (live, progressing, state)
}

/// Takes as many seconds as the text says; `fail` fails, `never` never ends.
async fn handle(message: Message<String>) -> Result<(), Error> {
    match message.body().as_str() {
        "fail" => Err(Error::transient("fail")),
        "bad" => Err(Error::permanent("bad")),
        "never" => std::future::pending().await,
        seconds => {
            tokio::time::sleep(SECOND * seconds.parse().unwrap_or(0)).await;
            Ok(())
        }
    }
}

fn patient() -> PipelineConfig {
    PipelineConfig::new().with_handler_timeout(3_600 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn idle_and_empty() {
    let rig = Rig::new(2);
    let pipeline = rig.start(patient(), handle);
    tokio::time::sleep(3_600 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Idle));
    assert_eq!(pipeline.handle.oldest_unfinished(), None);
    assert_eq!(pipeline.handle.snapshot().partitions, 2);
    let handle = pipeline.handle.clone();
    pipeline.stop().await.unwrap();
    assert_eq!(health(&handle), (false, true, PipelineState::Ended));
}

#[tokio::test(start_paused = true)]
async fn lag_counts_what_is_not_done_and_comes_to_nothing() {
    let rig = Rig::new(2);
    let pipeline = rig.start(patient(), handle);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(pipeline.handle.snapshot().lag, Some(0));

    rig.send("a", "never").await;
    for number in 0..30 {
        rig.send(&format!("u{number}"), "1").await;
    }
    tokio::time::sleep(10 * SECOND).await;
    let partitions = pipeline.handle.partitions();
    let stuck = partitions.iter().find(|one| one.lag() > Some(0)).unwrap();
    assert_eq!(stuck.watermark, 0, "the others of its partition are done, and it holds the watermark");
    assert_eq!(pipeline.handle.snapshot().lag, stuck.lag());
    assert_eq!(partitions.len(), 2);
    pipeline.kill().await;
}

#[tokio::test(start_paused = true)]
async fn metadata_headroom_shrinks_by_what_is_stuck_until_nothing_more_is_received() {
    const OLD_BYTES: u64 = 6;
    let rig = Rig::new(1);
    let config = patient().with_concurrency(1_000);
    let pipeline = rig.start(config, handle);
    tokio::time::sleep(10 * SECOND).await;
    let whole = OffsetTracker::METADATA_BYTES_MAX - 2_048;
    let headroom = || pipeline.handle.snapshot().metadata_headroom_bytes;
    assert_eq!(headroom(), Some(whole));

    for number in 0..10 {
        rig.send(&format!("stuck{number}"), "never").await;
    }
    for number in 0..16_384 {
        rig.send(&format!("u{}", number % 100), "0").await;
    }
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(headroom(), Some(whole - 10 * OLD_BYTES));

    for number in 10..200 {
        rig.send(&format!("stuck{number}"), "never").await;
    }
    for number in 0..16_384 {
        rig.send(&format!("u{}", number % 100), "0").await;
    }
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(headroom(), Some(0));
    assert!(pipeline.handle.snapshot().lag > Some(16_384));
    pipeline.kill().await;
}

#[tokio::test(start_paused = true)]
async fn busy() {
    let rig = Rig::new(1);
    let pipeline = rig.start(patient(), handle);
    for _ in 0..300 {
        rig.send("a", "1").await;
    }
    tokio::time::sleep(200 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Busy));
    rig.settled().await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Idle));
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stuck_handler() {
    let rig = Rig::new(1);
    let pipeline = rig.start(patient(), handle);
    rig.send("a", "never").await;
    tokio::time::sleep(59 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Busy));
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, false, PipelineState::Stalled));
    let oldest = pipeline.handle.oldest_unfinished().unwrap();
    assert_eq!((oldest.offset, oldest.attempts, oldest.stage), (0, 0, UnfinishedStage::Running));
    assert!(oldest.age >= 68 * SECOND, "{:?}", oldest.age);
    pipeline.kill().await;
}

#[tokio::test]
async fn a_handler_that_blocks_its_thread() {
    let rig = Rig::new(1);
    let (begun, began) = std::sync::mpsc::channel();
    let release = Arc::new(AtomicBool::new(false));
    let handler = {
        let release = Arc::clone(&release);
        move |_: Message<String>| {
            let (begun, release) = (begun.clone(), Arc::clone(&release));
            async move {
                begun.send(()).unwrap();
                while !release.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok::<(), Error>(())
            }
        }
    };
    // On a runtime of its own, which it blocks; the handle is asked from here, as of 20 s later.
    let (ask, asked) = std::sync::mpsc::channel();
    let runtime = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            rig.send("a", "x").await;
            let pipeline = rig.start(PipelineConfig::new(), handler);
            ask.send(pipeline.handle.clone()).unwrap();
            rig.settled().await;
            pipeline.stop().await.unwrap();
        });
    });
    let handle: PipelineHandle = asked.recv().unwrap();
    began.recv().unwrap();
    assert!(handle.health().live);
    assert!(!handle.health_in(20 * SECOND).live);
    release.store(true, Ordering::Relaxed);
    runtime.join().unwrap();
    assert_eq!(handle.health().state, PipelineState::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_parked_retry() {
    let rig = Rig::new(1);
    let config = patient().with_retry(RetryPolicy::new([30 * SECOND, 3_600 * SECOND]));
    let pipeline = rig.start(config, handle);
    rig.send("a", "fail").await;
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Busy));
    assert_eq!(pipeline.handle.snapshot().waiting, 1);
    tokio::time::sleep(MINUTE).await;
    assert_eq!(health(&pipeline.handle), (true, false, PipelineState::Stalled));
    let oldest = pipeline.handle.oldest_unfinished().unwrap();
    assert_eq!((oldest.attempts, oldest.stage), (2, UnfinishedStage::Retry));
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_storm() {
    let rig = Rig::new(1);
    let pipeline = rig.start(patient(), handle);
    for number in 0..10 {
        rig.send(&format!("u{number}"), "fail").await;
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Storm));
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(health(&pipeline.handle), (true, false, PipelineState::Storm));
    assert_eq!(pipeline.handle.oldest_unfinished().unwrap().stage, UnfinishedStage::Storm);
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn paused_and_resumed() {
    let rig = Rig::new(1);
    let pipeline = rig.start(patient(), handle);
    pipeline.handle.pause();
    tokio::time::sleep(SECOND).await;
    rig.send("a", "0").await;
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Paused), "it was asked for");
    assert_eq!(pipeline.handle.snapshot().handled, 0);
    pipeline.handle.resume();
    rig.settled().await;
    assert_eq!(pipeline.handle.snapshot().handled, 1);

    // What waits behind a running one waits on, while that one ends.
    for text in ["10", "0", "0"] {
        rig.send("a", text).await;
    }
    tokio::time::sleep(SECOND).await;
    pipeline.handle.pause();
    tokio::time::sleep(MINUTE).await;
    let snapshot = pipeline.handle.snapshot();
    assert_eq!((snapshot.handled, snapshot.records), (2, 2));
    let handle = pipeline.handle.clone();
    pipeline.stop().await.unwrap();
    assert_eq!(handle.snapshot().records, 0, "a stop does not wait for a resume");
}

#[tokio::test(start_paused = true)]
async fn no_assignment() {
    let rig = Rig::new(1);
    let first = rig.start(patient(), handle);
    let second = rig.start(patient(), handle);
    tokio::time::sleep(10 * MINUTE).await;
    let mut states = [health(&first.handle), health(&second.handle)];
    states.sort_by_key(|(_, _, state)| *state == PipelineState::Idle);
    assert_eq!(states, [(true, true, PipelineState::Unassigned), (true, true, PipelineState::Idle)]);
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn revoking() {
    let config = MemoryConfig::new().with_protocol(RebalanceProtocol::Eager).with_revoke_timeout(20 * SECOND);
    let rig = Rig::with_config(2, config);
    for number in 0..10 {
        rig.send(&format!("u{number}"), "15").await;
    }
    let first = rig.start(patient(), handle);
    tokio::time::sleep(SECOND).await;
    assert_eq!(health(&first.handle), (true, true, PipelineState::Busy));
    let second = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.topic)).unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(health(&first.handle), (true, true, PipelineState::Revoking));
    assert_eq!(first.handle.snapshot().partitions, 0, "all is asked back");
    assert!(first.handle.snapshot().records > 0);
    drop(second);
    first.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_back_and_let_go_is_no_revoke_any_more() {
    for (protocol, partitions, states) in [
        (RebalanceProtocol::Cooperative, 2, [PipelineState::Idle, PipelineState::Idle]),
        (RebalanceProtocol::Eager, 2, [PipelineState::Idle, PipelineState::Idle]),
        (RebalanceProtocol::Eager, 1, [PipelineState::Idle, PipelineState::Unassigned]),
    ] {
        let rig = Rig::with_config(partitions, MemoryConfig::new().with_protocol(protocol));
        let first = rig.start(patient(), handle);
        rig.send("a", "1").await;
        tokio::time::sleep(SECOND).await;
        let second = rig.start(patient(), handle);
        tokio::time::sleep(600 * SECOND).await;
        let mut found = [&first, &second].map(|pipeline| pipeline.handle.health().state);
        // Which of them has the only partition is the group's to say.
        found.sort_by_key(|state| *state == PipelineState::Unassigned);
        assert_eq!(found, states, "{protocol:?}");
        first.stop().await.unwrap();
        second.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_dead_letter_topic_is_down() {
    let rig = Rig::new(1);
    rig.cluster.refuse_sends(&rig.dead, Some(Fault::Transient { retry_after: None }));
    let pipeline = rig.start(patient().with_storm(StormPolicy::off()), handle);
    rig.send("a", "bad").await;
    for _ in 0..100 {
        rig.send("b", "1").await;
    }
    tokio::time::sleep(90 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Busy), "other keys go on");
    tokio::time::sleep(90 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, false, PipelineState::Stalled));
    assert_eq!(pipeline.handle.oldest_unfinished().unwrap().stage, UnfinishedStage::DeadLetter);
    rig.cluster.refuse_sends(&rig.dead, None);
    rig.settled().await;
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_transport_is_silent() {
    let rig = Rig::new(1);
    let pipeline = rig.start(patient(), handle);
    rig.send("a", "0").await;
    rig.settled().await;
    rig.cluster.fail_next_receives(GROUP, std::iter::repeat_n(Fault::Transient { retry_after: None }, 20));
    // For longer than a driver that stands still counts as live.
    tokio::time::sleep(40 * SECOND).await;
    assert_eq!(health(&pipeline.handle), (true, true, PipelineState::Idle));
    pipeline.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_after_a_pause_is_not_stalled() {
    let rig = Rig::new(1);
    let handler = |_: Message<String>| async {
        tokio::time::sleep(5 * SECOND).await;
        Ok::<(), Error>(())
    };
    let pipeline = rig.start(PipelineConfig::new(), handler);
    for _ in 0..10 {
        rig.send("a", "x").await;
    }
    tokio::time::sleep(SECOND).await;
    pipeline.handle.pause();
    tokio::time::sleep(600 * SECOND).await;
    let paused = pipeline.handle.health();
    pipeline.handle.resume();
    tokio::time::sleep(SECOND).await;
    let resumed = pipeline.handle.health();
    pipeline.kill().await;
    assert!(
        paused.state == PipelineState::Paused && paused.progressing,
        "a pause that was asked for: {paused:?}"
    );
    assert!(resumed.progressing, "1 s after it goes on: {resumed:?}");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_as_old_as_it_is_held() {
    let rig = Rig::new(1);
    for key in ["a", "b"] {
        rig.send(key, key).await;
    }
    let handler = |_: Message<String>| async {
        tokio::time::sleep(100 * SECOND).await;
        Ok::<(), Error>(())
    };
    let config =
        PipelineConfig::new().with_shards(1).with_concurrency(1).with_handler_timeout(3_600 * SECOND);
    let pipeline = rig.start(config, handler);
    tokio::time::sleep(150 * SECOND).await;
    let oldest = pipeline.handle.oldest_unfinished().unwrap();
    pipeline.kill().await;
    assert!(oldest.age >= 149 * SECOND, "{oldest:?}");
}
