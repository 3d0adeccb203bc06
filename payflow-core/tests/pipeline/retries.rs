use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use payflow_core::{DeadLetters, Error, Message, PipelineConfig, RetryPolicy};

use crate::rig::{Rig, Seen};

const SECOND: Duration = Duration::from_secs(1);

fn retrying() -> PipelineConfig {
    PipelineConfig::new().with_retry(RetryPolicy::new([SECOND, SECOND])).with_handler_timeout(30 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn a_retry_holds_its_key_and_lets_others_pass() {
    let rig = Rig::new(1);
    for (key, text) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        rig.send(key, text).await;
    }
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |message: Message<String>| {
            seen.note("all", &format!("{}#{}", message.body(), message.attempt()));
            let fails = message.body() == "a1" && message.attempt() < 3;
            async move { if fails { Err(Error::transient("send")) } else { Ok(()) } }
        }
    };
    let pipeline = rig.start(retrying(), handler);
    rig.settled().await;
    let snapshot = pipeline.handle.snapshot();
    assert_eq!((snapshot.handled, snapshot.failed_attempts), (3, 2));
    pipeline.stop().await.unwrap();
    let mut all = seen.of("all");
    let b1 = all.iter().position(|text| text == "b1#1").unwrap();
    assert!(b1 < 2, "{all:?}");
    all.remove(b1);
    assert_eq!(all, ["a1#1", "a1#2", "a1#3", "a2#1"]);
}

#[tokio::test(start_paused = true)]
async fn attempts_used_up_end_in_a_dead_letter_that_says_why() {
    let rig = Rig::new(1);
    rig.send("a", "hopeless").await;
    let handler = |_: Message<String>| async { Err(Error::transient("send").because("connection refused")) };
    let pipeline = rig.start(retrying(), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();

    let letters = rig.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value(), Some(&b"hopeless"[..]));
    assert_eq!(letters[0].key(), Some(&b"a"[..]));
    let text = |name| letters[0].headers().text(name);
    assert_eq!(text(DeadLetters::FAULT), Some("transient"));
    assert_eq!(text(DeadLetters::ATTEMPTS), Some("3"));
    assert_eq!(text(DeadLetters::REASON), Some("send: transient: connection refused"));
    assert_eq!(text(DeadLetters::TOPIC), Some("payments"));
    assert_eq!((text(DeadLetters::PARTITION), text(DeadLetters::OFFSET)), (Some("0"), Some("0")));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_end_is_cut_off_as_unknown() {
    let rig = Rig::new(1);
    rig.send("a", "stuck").await;
    rig.send("b", "fine").await;
    let handler = |message: Message<String>| async move {
        if message.body() == "stuck" {
            std::future::pending::<()>().await;
        }
        Ok(())
    };
    let pipeline = rig.start(retrying(), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    let letters = rig.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].headers().text(DeadLetters::FAULT), Some("unknown"));
    assert_eq!(letters[0].headers().text(DeadLetters::STAGE), Some("timeout"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_dead_letter_and_ends_nothing_else() {
    let rig = Rig::new(1);
    for (key, text) in [("a", "panics"), ("b", "fine"), ("a", "after")] {
        rig.send(key, text).await;
    }
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |message: Message<String>| {
            let seen = seen.clone();
            async move {
                tokio::task::yield_now().await;
                assert_ne!(message.body(), "panics", "on purpose");
                seen.note("all", message.body());
                Ok(())
            }
        }
    };
    let pipeline = rig.start(retrying(), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(seen.count(), 2);
    let letters = rig.dead_letters();
    assert_eq!(letters[0].headers().text(DeadLetters::STAGE), Some("panic"));
    assert_eq!(letters[0].headers().text(DeadLetters::FAULT), Some("permanent"));
    assert!(letters[0].headers().text(DeadLetters::REASON).unwrap().contains("on purpose"));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_holder_takes_as_long_as_it_takes() {
    let rig = Rig::new(1);
    rig.send("a", "held").await;
    let calls = Arc::new(AtomicU32::new(0));
    let handler = {
        let calls = Arc::clone(&calls);
        move |message: Message<String>| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            async move {
                assert_eq!(message.attempt(), 1);
                if call < 20 { Err(Error::held("claim", 5 * SECOND)) } else { Ok(()) }
            }
        }
    };
    let pipeline = rig.start(retrying(), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 21);
    assert!(rig.dead_letters().is_empty());
}

/// What it carries panics when it is dropped.
struct Twice;

impl Drop for Twice {
    fn drop(&mut self) {
        if std::hint::black_box(true) {
            panic!("on purpose, again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_whose_payload_panics_ends_nothing_else_either() {
    let rig = Rig::new(1);
    rig.send("a", "panics").await;
    rig.send("b", "fine").await;
    let handler = |message: Message<String>| async move {
        if message.body() == "panics" {
            std::panic::panic_any(Twice);
        }
        Ok(())
    };
    let pipeline = rig.start(retrying(), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(rig.dead_letters().len(), 1);
}
