use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use payflow_core::{
    Delivery, Error, Handler, Message, PipelineConfig, PipelineState, RetryPolicy, Storm, StormPolicy,
};

use crate::rig::{Rig, Seen};

const SECOND: Duration = Duration::from_secs(1);

/// Texts go to the destination that they name, which may be down.
#[derive(Clone, Default)]
struct Destinations {
    down: Arc<AtomicBool>,
    calls_while_down: Arc<AtomicUsize>,
    seen: Seen,
}

impl Handler<String> for Destinations {
    async fn handle(&self, message: Message<String>) -> Result<(), Error> {
        if message.body().starts_with("bad") {
            return Err(Error::permanent("refused"));
        }
        if self.down.load(Ordering::Relaxed) && message.body().starts_with("sms") {
            self.calls_while_down.fetch_add(1, Ordering::Relaxed);
            return Err(Error::transient("sms"));
        }
        self.seen.note("all", message.body());
        Ok(())
    }

    fn destination(&self, delivery: &Delivery) -> &'static str {
        if delivery.value().is_some_and(|value| value.starts_with(b"mail")) { "mail" } else { "sms" }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_an_hour_fills_no_dead_letters_and_all_are_handled_after_it() {
    let rig = Rig::new(4);
    let handler = Destinations::default();
    handler.down.store(true, Ordering::Relaxed);
    for number in 0..2_000 {
        rig.send(&format!("u{}", number % 300), &format!("sms {number}")).await;
    }
    // Two attempts within 2 s: without a guard, all would be dead letters soon.
    let config = PipelineConfig::new().with_shards(3).with_retry(RetryPolicy::new([SECOND]));
    let pipeline = rig.start(config, handler.clone());
    tokio::time::sleep(600 * SECOND).await;
    assert_eq!(pipeline.handle.health().state, PipelineState::Storm);
    assert!(pipeline.handle.health().live);
    let storms = pipeline.handle.storms();
    assert!(
        matches!(storms[..], [Storm { destination: "sms", lasts, .. }] if lasts > 500 * SECOND),
        "{storms:?}"
    );

    let calls = handler.calls_while_down.load(Ordering::Relaxed);
    tokio::time::sleep(3_000 * SECOND).await;
    let probes = handler.calls_while_down.load(Ordering::Relaxed) - calls;
    assert!((99..=101).contains(&probes), "one each 30 s, not {probes}");

    handler.down.store(false, Ordering::Relaxed);
    tokio::time::sleep(35 * SECOND).await;
    assert_eq!(handler.seen.count(), 2_000, "35 s after the destination is back");
    assert!(pipeline.handle.storms().is_empty());
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert!(rig.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_guard_the_outage_ends_in_dead_letters() {
    let rig = Rig::new(1);
    let handler = Destinations::default();
    handler.down.store(true, Ordering::Relaxed);
    for number in 0..50 {
        rig.send(&format!("u{number}"), "sms").await;
    }
    let config = PipelineConfig::new().with_retry(RetryPolicy::new([SECOND])).with_storm(StormPolicy::off());
    let pipeline = rig.start(config, handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(rig.dead_letters().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_storm_at_one_destination_leaves_the_others_alone() {
    let rig = Rig::new(2);
    let handler = Destinations::default();
    handler.down.store(true, Ordering::Relaxed);
    for number in 0..40 {
        rig.send(&format!("u{number}"), &format!("sms {number}")).await;
    }
    let pipeline = rig.start(PipelineConfig::new().with_shards(2), handler.clone());
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(pipeline.handle.storms().len(), 1);
    for number in 0..100 {
        rig.send(&format!("m{number}"), &format!("mail {number}")).await;
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(handler.seen.count(), 100);
    handler.down.store(false, Ordering::Relaxed);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert!(rig.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bad_records_in_a_storm_are_dead_lettered_and_do_not_end_it() {
    let rig = Rig::new(1);
    let handler = Destinations::default();
    handler.down.store(true, Ordering::Relaxed);
    for number in 0..10 {
        rig.send(&format!("u{number}"), "sms").await;
    }
    let pipeline = rig.start(PipelineConfig::new().with_shards(2), handler.clone());
    tokio::time::sleep(10 * SECOND).await;
    for number in 0..30 {
        rig.send(&format!("b{number}"), "bad").await;
    }
    rig.cluster.wait_until(|cluster| cluster.records(&rig.dead).len() == 30).await;
    assert_eq!(pipeline.handle.storms().len(), 1);
    handler.down.store(false, Ordering::Relaxed);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(handler.seen.count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_a_storm_gives_everything_back_and_the_next_owner_handles_it() {
    let rig = Rig::new(1);
    let handler = Destinations::default();
    handler.down.store(true, Ordering::Relaxed);
    for number in 0..100 {
        rig.send(&format!("u{number}"), "sms").await;
    }
    let pipeline = rig.start(PipelineConfig::new(), handler.clone());
    tokio::time::sleep(100 * SECOND).await;
    pipeline.stop().await.unwrap();
    handler.down.store(false, Ordering::Relaxed);
    let pipeline = rig.start(PipelineConfig::new(), handler.clone());
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(handler.seen.count(), 100);
    assert!(rig.dead_letters().is_empty());
}

/// A handler whose naming of destinations panics.
struct Nameless;

impl Handler<String> for Nameless {
    async fn handle(&self, _message: Message<String>) -> Result<(), Error> {
        Ok(())
    }

    fn destination(&self, _delivery: &Delivery) -> &'static str {
        panic!("on purpose")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_a_name_ends_nothing() {
    let rig = Rig::new(1);
    rig.send("a", "1").await;
    let pipeline = rig.start(PipelineConfig::new(), Nameless);
    rig.settled().await;
    pipeline.stop().await.unwrap();
}
