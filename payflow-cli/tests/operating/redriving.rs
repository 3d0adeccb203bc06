//! Sending dead letters back.

use std::collections::BTreeMap;

use payflow_core::{DeadLetters, Headers, Producer as _, Record};

use crate::harness::{Ended, LETTER, Letter, Stage, signal};

const REDRIVE: [&str; 4] = ["dead-letters", "redrive", "--rate", "10000"];

fn redrive(stage: &Stage, arguments: &[&str]) -> Ended {
    stage.run(&[&REDRIVE, arguments].concat())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_dry_run_tells_and_changes_nothing_and_a_second_redrive_sends_nothing_again() {
    let stage = Stage::new(3).await;
    stage.set_many_aside(30).await;
    let _receipt = stage.set_aside("unknown", Letter { fault: "unknown", ..LETTER }).await;

    let dry = redrive(&stage, &["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(dry.out.starts_with("dry run: 30 would be sent, of 31 looked at\n"), "{dry:?}");
    assert!(dry.out.contains("1 left out: may have been handled; --include-unknown"), "{dry:?}");
    assert_eq!(stage.back().await.len(), 0);

    let first = redrive(&stage, &["--yes", "--first"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.out.starts_with("30 sent, of 31 looked at\n"), "{first:?}");
    assert_eq!(stage.back().await.len(), 30);

    let second = redrive(&stage, &["--yes", "--json"]);
    let told = &second.json()[0];
    assert_eq!(
        (&told["end"], &told["seen"], &told["sent"]),
        (&"complete".into(), &1.into(), &0.into()),
        "{second:?}"
    );

    let unknown = redrive(&stage, &["--yes", "--include-unknown"]);
    assert!(unknown.out.starts_with("1 sent, of 1 looked at\n"), "{unknown:?}");
    let none = redrive(&stage, &["--yes", "--include-unknown"]);
    assert!(none.out.starts_with("0 sent, of 0 looked at\n"), "{none:?}");
    let back = stage.back().await;
    assert_eq!((back.len(), back.last().map(String::as_str)), (31, Some("unknown")));

    // All of them stand there still, and none is left to be sent.
    assert_eq!(stage.run(&["dead-letters", "list", "--json"]).json().len(), 0);
    assert_eq!(stage.run(&["dead-letters", "list", "--json", "--all"]).json().len(), 31);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_a_filter_leaves_out_stays_for_the_next_redrive_alone() {
    let stage = Stage::new(2).await;
    for number in 0..40 {
        let name = if number % 4 == 0 { "decode" } else { "handler" };
        let key = if number % 3 == 0 { "a" } else { "b" };
        let _receipt = stage.set_aside(&number.to_string(), Letter { stage: name, key, ..LETTER }).await;
    }

    let first = redrive(&stage, &["--yes", "--first", "--stage", "handler", "--limit", "20"]);
    assert!(first.out.starts_with("20 sent") && first.out.contains("the limit is reached"), "{first:?}");
    let second = redrive(&stage, &["--yes", "--stage", "handler"]);
    assert!(second.out.starts_with("10 sent, of 20 looked at\n"), "{second:?}");
    assert_eq!(stage.back().await.len(), 30);

    let rest = redrive(&stage, &["--yes"]);
    assert!(rest.out.starts_with("10 sent, of 10 looked at\n"), "{rest:?}");
    let back = stage.back().await;
    let mut expected: Vec<String> = (0..40).map(|number: u32| number.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(back, expected);
    // In order for each key.
    let mut last: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    for delivery in stage.read(&stage.topic).await {
        let number = String::from_utf8(delivery.value().expect("a value").to_vec()).expect("text");
        let number: u32 = number.parse().expect("a number");
        if !number.is_multiple_of(4) {
            last.entry(delivery.key().expect("a key").to_vec()).or_default().push(number);
        }
    }
    assert!(last.values().all(|numbers| numbers.is_sorted()), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_redrive_that_is_killed_is_finished_by_the_next_and_repeats_little() {
    const LETTERS: u32 = 300;
    let stage = Stage::new(3).await;
    stage.set_many_aside(LETTERS).await;
    let mut killed = stage
        .payflow(&["dead-letters", "redrive", "--yes", "--first", "--rate", "50"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program was built");
    while stage.back().await.len() < 60 {
        assert!(killed.try_wait().expect("a child").is_none(), "it ended before it was killed");
    }
    killed.kill().expect("it runs");
    killed.wait().expect("a child");
    let before = stage.back().await.len();
    assert!(before < LETTERS as usize, "it was done before it was killed");

    // Its partitions are free when its session is over.
    let next = redrive(&stage, &["--yes", "--json"]);

    assert_eq!(next.code, Some(0), "{next:?}");
    let back = stage.back().await;
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    back.iter().for_each(|text| *times.entry(text).or_default() += 1);
    assert_eq!(times.len(), LETTERS as usize);
    assert!(back.len() - times.len() <= 64, "{} came again", back.len() - times.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn told_to_stop_it_commits_what_it_sent_and_says_what_it_did() {
    let stage = Stage::new(2).await;
    stage.set_many_aside(200).await;
    let running = stage
        .payflow(&["dead-letters", "redrive", "--yes", "--first", "--rate", "50", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program was built");
    while stage.back().await.len() < 20 {}
    signal(&running, "TERM");

    let stopped = Ended::of(running.wait_with_output().expect("a child"));
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    let told = &stopped.json()[0];
    assert_eq!(
        (&told["end"], told["sent"].as_u64()),
        (&"stopped".into(), Some(stage.back().await.len() as u64))
    );

    assert_eq!(redrive(&stage, &["--yes"]).code, Some(0));
    assert_eq!(stage.back().await.len(), 200, "none came twice");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_cannot_be_sent_stays_and_is_told_one_by_one() {
    let stage = Stage::new(1).await;
    stage.set_many_aside(2).await;
    let mut headers = Headers::new();
    headers.append(DeadLetters::TOPIC, "half a dead letter");
    let foreign = Record::new(stage.dead.clone(), "foreign").with_headers(headers);
    let _receipt = stage.producer.send(foreign).await.expect("a broker");

    let nowhere = redrive(&stage, &["--yes", "--first", "--to", "a-topic-that-is-not-there"]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.out.contains("2 refused for good") && nowhere.out.contains("0@0: "), "{nowhere:?}");
    let itself = redrive(&stage, &["--yes", "--first", "--to", stage.dead.as_str()]);
    assert!(itself.out.contains("2 left out: they would go to the dead-letter topic itself"), "{itself:?}");

    // Nothing was sent until now.
    let rest = redrive(&stage, &["--yes", "--first"]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(rest.out.starts_with("2 sent, of 3 looked at\n"), "{rest:?}");
    assert!(rest.out.contains("0@2: is no dead letter of payflow's"), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn without_a_terminal_it_sends_only_when_told_not_to_ask() {
    let stage = Stage::new(1).await;
    stage.set_many_aside(1).await;

    let asked = redrive(&stage, &[]);

    assert_eq!(asked.code, Some(2), "{asked:?}");
    assert!(asked.err.contains("--yes") && asked.err.contains("--dry-run"), "{asked:?}");
    assert_eq!(stage.back().await.len(), 0);
}
