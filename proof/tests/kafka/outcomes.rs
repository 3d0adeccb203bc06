//! What becomes of everything that a service could write to the topic. None of it stops what stands behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payflow_core::{Error, Message, Order, PaymentRequest};
use payflow_proof::Place;
use tokio::sync::Notify;

use crate::cluster::{Cluster, New, payment};
use crate::pipeline::{handle, run};

/// What is to become of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Handled, as this user and so many cents.
    Handled(&'static str, i64),
    DeadLetter,
    Skipped,
}
use Outcome::{DeadLetter, Handled, Skipped};

/// Of 900 kB, in two ways.
fn large(field: &str, end: &str) -> String {
    format!(r#"{{"userId":"u001",{field}"amount":49.99,"method":"{end}"}}"#)
}

fn cases() -> Vec<(&'static str, Option<Vec<u8>>, Outcome)> {
    const BYTES: usize = 900_000;
    let blank = " ".repeat(BYTES);
    let note = format!(r#""note":"{}","#, "x".repeat(BYTES));
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let long_user = format!(r#"{{"userId":"{}","amount":1,"method":"card"}}"#, "u".repeat(129));
    let deep = format!(r#"{{"userId":"u001","amount":1,"method":"card","deep":{nested}}}"#);
    let text = |text: &str| Some(text.as_bytes().to_vec());
    vec![
        ("as agreed", text(r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#), Handled("u001", 4_999)),
        ("a tombstone", None, Skipped),
        ("an empty value", text(""), DeadLetter),
        ("no UTF-8 at all", Some(vec![0xff, 0x00, 0xfe]), DeadLetter),
        (
            "no UTF-8 within a text",
            Some(b"{\"userId\":\"u\xff\",\"amount\":1,\"method\":\"card\"}".to_vec()),
            DeadLetter,
        ),
        ("no JSON", text("userId=u001"), DeadLetter),
        ("broken off", text(r#"{"userId":"u001","amount":1,"method":"card""#), DeadLetter),
        ("two values", text(r#"{"userId":"u001","amount":1,"method":"card"}{}"#), DeadLetter),
        ("no object", text(r#"["u001",1,"card"]"#), DeadLetter),
        ("null", text("null"), DeadLetter),
        ("nested too deep", Some(deep.into_bytes()), DeadLetter),
        (
            "both spellings",
            text(r#"{"userId":"u001","user_id":"u001","amount":1,"method":"card"}"#),
            DeadLetter,
        ),
        (
            "the other spelling",
            text(r#"{"user_id":"u002","amount":2,"method":"card"}"#),
            Handled("u002", 200),
        ),
        ("a field twice", text(r#"{"userId":"u001","amount":1,"amount":1,"method":"card"}"#), DeadLetter),
        ("a user that is a number", text(r#"{"userId":1,"amount":1,"method":"card"}"#), DeadLetter),
        ("an amount that is a text", text(r#"{"userId":"u001","amount":"1","method":"card"}"#), DeadLetter),
        ("a method that is null", text(r#"{"userId":"u001","amount":1,"method":null}"#), DeadLetter),
        ("a field missing", text(r#"{"userId":"u001","amount":1}"#), DeadLetter),
        ("an amount of zero", text(r#"{"userId":"u001","amount":0,"method":"card"}"#), DeadLetter),
        ("a negative amount", text(r#"{"userId":"u001","amount":-1,"method":"card"}"#), DeadLetter),
        ("a tenth of a cent", text(r#"{"userId":"u001","amount":0.001,"method":"card"}"#), DeadLetter),
        ("an amount beyond all", text(r#"{"userId":"u001","amount":1e400,"method":"card"}"#), DeadLetter),
        (
            "an amount that is no number",
            text(r#"{"userId":"u001","amount":NaN,"method":"card"}"#),
            DeadLetter,
        ),
        ("a user without a name", text(r#"{"userId":"","amount":1,"method":"card"}"#), DeadLetter),
        ("a user of 129 bytes", Some(long_user.into_bytes()), DeadLetter),
        ("a method with a space", text(r#"{"userId":"u001","amount":1,"method":"a card"}"#), DeadLetter),
        (
            "unknown fields",
            text(r#"{"version":2,"userId":"u003","amount":3,"method":"card","tags":["a",{"b":null}]}"#),
            Handled("u003", 300),
        ),
        (
            "another spelling of the amount",
            text(r#"{"userId":"u004","amount":1e1,"method":"x"}"#),
            Handled("u004", 1_000),
        ),
        ("900 kB of blanks", Some(large(&blank, "card").into_bytes()), Handled("u001", 4_999)),
        ("900 kB of an unknown field", Some(large(&note, "card").into_bytes()), Handled("u001", 4_999)),
        ("900 kB that are refused", Some(large(&note, "a card").into_bytes()), DeadLetter),
        (
            "as agreed, behind all",
            text(r#"{"userId":"u009","amount":9,"method":"card"}"#),
            Handled("u009", 900),
        ),
    ]
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn whatever_is_on_the_topic_has_its_outcome_and_stops_nothing() {
    let cluster = Cluster::with_partitions(1);
    let cases = cases();
    let record = |(_, value, _): &(_, Option<Vec<u8>>, Outcome)| New {
        value: value.clone(),
        // One lane for all of them.
        ..payment(0, "u001", "card")
    };
    cluster.write(&cases.iter().map(record).collect::<Vec<_>>());

    let all = cases.len() as u64;
    let (handled, counts) =
        handle(&cluster, |_, counts| counts.handled + counts.skipped + counts.dead_lettered >= all);

    let handled: BTreeMap<Place, _> = handled.iter().map(|one| (one.place, one)).collect();
    let dead: BTreeMap<Place, _> = cluster.dead().into_iter().map(|letter| (letter.source, letter)).collect();
    for (offset, (case, value, expected)) in (0..).zip(&cases) {
        let place = Place { partition: 0, offset };
        let (handled, dead) = (handled.get(&place), dead.get(&place));
        match expected {
            Handled(user, minor) => {
                let handled = handled.unwrap_or_else(|| panic!("{case} is not handled"));
                assert_eq!((handled.user.as_str(), handled.minor), (*user, *minor), "{case}");
                assert!(dead.is_none(), "{case}");
            }
            DeadLetter => {
                let dead = dead.unwrap_or_else(|| panic!("{case} is not set aside"));
                assert!(dead.value == *value, "the bytes of {case} are whole");
                assert_eq!(dead.key.as_deref(), Some(&b"u001"[..]), "{case}");
                assert!(handled.is_none(), "{case}");
            }
            Skipped => assert!(handled.is_none() && dead.is_none(), "{case}"),
        }
    }
    let count =
        |outcome: fn(&Outcome) -> bool| cases.iter().filter(|(.., other)| outcome(other)).count() as u64;
    assert_eq!(counts.handled, count(|outcome| matches!(outcome, Handled(..))));
    assert_eq!(counts.dead_lettered, count(|outcome| *outcome == DeadLetter));
    assert_eq!(counts.skipped, count(|outcome| *outcome == Skipped));
    assert_eq!(cluster.committed()[&0], all as i64, "nothing is left");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn records_without_a_key_wait_for_nobody_and_those_with_an_empty_one_for_each_other() {
    const EACH: usize = 3;
    let cluster = Cluster::with_partitions(1);
    let record =
        |key: Option<&str>| New { key: key.map(|key| key.as_bytes().to_vec()), ..payment(0, "u001", "card") };
    let keys = [None, Some("")].into_iter().flat_map(|key| std::iter::repeat_n(key, EACH));
    cluster.write(&keys.map(record).collect::<Vec<_>>());

    // Those without a key end only when all of them run at once; those with one tell whether two ever do.
    let (free, queued, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let state = Arc::new((free, queued, most, Notify::new()));
    let handler = {
        let state = Arc::clone(&state);
        move |message: Message<PaymentRequest>| {
            let state = Arc::clone(&state);
            async move {
                let (free, queued, most, all_run) = &*state;
                if message.delivery().key().is_none() {
                    let notified = all_run.notified();
                    if free.fetch_add(1, Ordering::SeqCst) + 1 == EACH {
                        all_run.notify_waiters();
                    } else {
                        notified.await;
                    }
                } else {
                    most.fetch_max(queued.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    queued.fetch_sub(1, Ordering::SeqCst);
                }
                Ok::<(), Error>(())
            }
        }
    };
    let counts = run(&cluster, Order::ByKey, handler, |counts| counts.handled >= 2 * EACH as u64);

    assert_eq!((counts.handled, counts.failed_attempts), (2 * EACH as u64, 0));
    assert_eq!(state.2.load(Ordering::SeqCst), 1, "one at a time");
}
