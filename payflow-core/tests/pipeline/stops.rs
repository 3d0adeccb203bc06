use std::sync::{Arc, Barrier};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{
    AckToken, Consumer, DeadLetters, Error, Fault, Inbound, MemoryConfig, Message, Pipeline, PipelineConfig,
    RebalanceProtocol, RetryPolicy, Room,
};
use tokio::sync::Semaphore;

use crate::rig::{GROUP, Rig, Seen, Text};

const SECOND: Duration = Duration::from_secs(1);

/// Notes each start; a text `slow` then waits for the gate.
pub(crate) fn gated(seen: &Seen, gate: &Arc<Semaphore>) -> impl payflow_core::Handler<String> + use<> {
    let (seen, gate) = (seen.clone(), Arc::clone(gate));
    move |message: Message<String>| {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        async move {
            seen.note("started", message.body());
            if message.body() == "slow" {
                gate.acquire().await.unwrap().forget();
            }
            seen.note("ended", message.body());
            Ok(())
        }
    }
}

pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_repeats_nothing_that_had_finished() {
    let rig = Rig::new(3);
    for number in 0..100 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    // So long an interval that only the stop commits.
    let config = PipelineConfig::new().with_commit_interval(3_600 * SECOND);
    let pipeline = rig.start(config.clone(), gated(&seen, &gate));
    until(|| seen.of("ended").len() == 100).await;
    pipeline.stop().await.unwrap();
    assert_eq!(rig.cluster.lag(GROUP, &rig.topic), 0);

    let again = rig.start(config, gated(&seen, &gate));
    tokio::time::sleep(10 * SECOND).await;
    again.stop().await.unwrap();
    assert_eq!(seen.of("started").len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_running_handlers_end_and_starts_nothing_new() {
    let rig = Rig::new(1);
    for text in ["slow", "behind"] {
        rig.send("a", text).await;
    }
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let pipeline = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    until(|| seen.of("started").len() == 1).await;
    let stopping = tokio::spawn(pipeline.stop());
    tokio::time::sleep(SECOND).await;
    gate.add_permits(1);
    stopping.await.unwrap().unwrap();
    assert_eq!(seen.of("ended"), ["slow"]);
    assert_eq!(rig.cluster.committed(GROUP, &rig.topic, 0), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_starts_no_other_key_that_waited_for_the_concurrency() {
    let rig = Rig::new(1);
    for (key, text) in [("a", "slow"), ("b", "waits"), ("c", "waits")] {
        rig.send(key, text).await;
    }
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let config = PipelineConfig::new().with_concurrency(1).with_shards(1);
    let pipeline = rig.start(config, gated(&seen, &gate));
    until(|| seen.of("started").len() == 1 && pipeline.handle.snapshot().records == 3).await;
    let stopping = tokio::spawn(pipeline.stop());
    tokio::time::sleep(SECOND).await;
    gate.add_permits(1);
    stopping.await.unwrap().unwrap();
    assert_eq!(seen.of("started"), ["slow"]);
    assert_eq!(rig.cluster.committed(GROUP, &rig.topic, 0), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_at_the_deadline_is_cut_off_and_comes_again() {
    let rig = Rig::new(1);
    rig.send("a", "slow").await;
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let pipeline = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    until(|| seen.of("started").len() == 1).await;
    pipeline.stop().await.unwrap();
    assert_eq!(rig.cluster.lag(GROUP, &rig.topic), 1);

    gate.add_permits(1);
    let again = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    rig.settled().await;
    again.stop().await.unwrap();
    assert_eq!(seen.of("ended"), ["slow"]);
    assert!(rig.dead_letters().is_empty(), "work cut off is never dead-lettered");
}

#[tokio::test(start_paused = true)]
async fn a_kill_loses_nothing_and_repeats_at_most_what_was_not_committed() {
    let rig = Rig::new(2);
    for number in 0..50 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let first = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    rig.settled().await;
    for number in 50..70 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    until(|| seen.of("ended").len() == 70).await;
    first.kill().await;

    let second = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    rig.settled().await;
    second.stop().await.unwrap();
    let ended = seen.of("ended");
    assert!(ended.len() <= 90, "{}", ended.len());
    assert!((0..70).all(|number: i32| ended.contains(&number.to_string())));
}

async fn hands_over(protocol: RebalanceProtocol) {
    let rig = Rig::with_config(4, MemoryConfig::new().with_protocol(protocol));
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let first = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    for number in 0..40 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    let second = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    for number in 40..80 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    rig.settled().await;
    assert!(first.handle.snapshot().handled > 0 && second.handle.snapshot().handled > 0);
    first.stop().await.unwrap();
    for number in 80..90 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    rig.settled().await;
    second.stop().await.unwrap();
    let mut ended: Vec<usize> = seen.of("ended").iter().map(|text| text.parse().unwrap()).collect();
    ended.sort_unstable();
    assert_eq!(ended, (0..90).collect::<Vec<_>>(), "each once");
}

#[tokio::test(start_paused = true)]
async fn members_hand_over_without_repeating_finished_work() {
    hands_over(RebalanceProtocol::Cooperative).await;
    hands_over(RebalanceProtocol::Eager).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_outlasts_a_revoke_is_cut_off_and_its_record_goes_to_the_next_owner() {
    let rig = Rig::with_config(1, MemoryConfig::new().with_protocol(RebalanceProtocol::Eager));
    rig.send("a", "slow").await;
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let first = rig.start(PipelineConfig::new().with_handler_timeout(3_600 * SECOND), gated(&seen, &gate));
    until(|| seen.of("started").len() == 1).await;
    let second = rig.start(PipelineConfig::new(), gated(&seen, &gate));
    until(|| seen.of("started").len() == 2).await;
    gate.add_permits(2);
    rig.settled().await;
    assert_eq!(seen.of("ended"), ["slow"], "the first future was dropped");
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn memory_held_is_bounded_by_count_and_bytes() {
    let rig = Rig::new(2);
    for number in 0..200 {
        rig.send(&format!("u{number}"), &"x".repeat(10_000)).await;
    }
    rig.send("slow", "slow").await;
    let config = PipelineConfig::new().with_concurrency(4).with_records_max(50).with_bytes_max(100_000);
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let handler = {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |message: Message<String>| {
            let (seen, gate) = (seen.clone(), Arc::clone(&gate));
            async move {
                seen.note("started", message.body());
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    };
    let pipeline = rig.start(config, handler);
    for _ in 0..201 {
        until(|| pipeline.handle.snapshot().records > 0).await;
        let snapshot = pipeline.handle.snapshot();
        assert!(snapshot.bytes <= 100_000 && snapshot.records <= 50, "{snapshot:?}");
        gate.add_permits(1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(seen.count(), 201);
}

#[tokio::test(start_paused = true)]
async fn failing_receives_and_commits_are_outlived_and_a_fatal_one_ends_the_run() {
    let transient = || std::iter::repeat_n(Fault::Transient { retry_after: None }, 5);
    let rig = Rig::new(1);
    rig.cluster.fail_next_receives(GROUP, transient());
    rig.cluster.fail_next_commits(GROUP, transient());
    rig.send("a", "1").await;
    let handler = |_: Message<String>| async { Ok::<(), Error>(()) };
    let pipeline = rig.start(PipelineConfig::new().with_retry(RetryPolicy::never()), handler);
    rig.settled().await;

    rig.cluster.fail_next_receives(GROUP, [Fault::Fatal]);
    rig.send("a", "2").await;
    assert_eq!(pipeline.ended().await.unwrap_err().fault(), Fault::Fatal);
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_source_has_ended_takes_over_from_one_that_dies() {
    let rig = Rig::new(2);
    for number in 0..20 {
        rig.send(&format!("u{number}"), "x").await;
    }
    rig.cluster.close_topic(&rig.topic).unwrap();
    let slow = |_: Message<String>| async {
        tokio::time::sleep(5 * SECOND).await;
        Ok::<(), Error>(())
    };
    let survivor = rig.start(PipelineConfig::new(), slow);
    let dies = rig.start(PipelineConfig::new(), slow);
    tokio::time::sleep(SECOND).await;
    dies.kill().await;
    survivor.ended().await.unwrap();
    assert_eq!(rig.cluster.lag(GROUP, &rig.topic), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_does_not_keep_the_run_from_ending() {
    let rig = Rig::new(1);
    rig.send("a", "x").await;
    let (begun, blocked) = (Arc::new(Semaphore::new(0)), Arc::new(Barrier::new(2)));
    let handler = {
        let (begun, blocked) = (Arc::clone(&begun), Arc::clone(&blocked));
        move |_: Message<String>| {
            let (begun, blocked) = (Arc::clone(&begun), Arc::clone(&blocked));
            async move {
                begun.add_permits(1);
                blocked.wait();
                Ok::<(), Error>(())
            }
        }
    };
    let config = PipelineConfig::new().with_drain(Duration::from_millis(50)).with_shards(1);
    let pipeline = rig.start(config, handler);
    begun.acquire().await.unwrap().forget();
    let ended = pipeline.stop().await;
    blocked.wait();
    assert_eq!(ended.unwrap_err().fault(), Fault::Unknown);
    assert_eq!(rig.cluster.lag(GROUP, &rig.topic), 1);
}

/// Notes when it is closed.
struct Noting<K>(K, Seen);

#[async_trait]
impl<K: Consumer> Consumer for Noting<K> {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        self.0.receive(into, room).await
    }

    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        self.0.acknowledge(finished, given_up);
    }

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        self.0.commit()
    }

    async fn close(&mut self) {
        self.1.note("closed", "begun");
        tokio::time::sleep(SECOND).await;
        self.1.note("closed", "left");
    }
}

/// Notes when it is dropped.
struct Dropped(Seen);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.note("closed", "cut off");
    }
}

#[tokio::test(start_paused = true)]
async fn the_group_is_left_after_the_last_handler_is_gone_and_before_the_run_ends() {
    let rig = Rig::new(1);
    rig.send("a", "stuck").await;
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |message: Message<String>| {
            let dropped = Dropped(seen.clone());
            seen.note("started", message.body());
            async move {
                let _dropped = dropped;
                std::future::pending().await
            }
        }
    };
    let consumer = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.topic)).unwrap();
    let letters = DeadLetters::new(Arc::new(rig.cluster.producer()), rig.dead.clone());
    let config = PipelineConfig::new().with_drain(SECOND);
    let pipeline = Pipeline::new(Noting(consumer, seen.clone()), Text, handler, letters, config).unwrap();
    pipeline.run(until(|| !seen.of("started").is_empty())).await.unwrap();
    assert_eq!(seen.of("closed"), ["cut off", "begun", "left"]);
}
