//! Looking at dead letters.

use std::time::Duration;

use payflow_core::{Producer as _, Record};

use crate::harness::{LETTER, Letter, Stage};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn dead_letters_are_listed_with_their_reasons_and_without_their_keys() {
    let stage = Stage::new(2).await;
    let receipt = stage.set_aside("a value", LETTER).await;
    let _receipt = stage.set_aside("another", Letter { fault: "unknown", stage: "timeout", ..LETTER }).await;
    let _receipt = stage.producer.send(Record::new(stage.dead.clone(), "foreign")).await.expect("a broker");

    let all = stage.run(&["dead-letters", "list"]);

    assert_eq!(all.code, Some(0), "{all:?}");
    let place = format!("{}@{}", receipt.partition, receipt.offset);
    let row = all.out.lines().find(|line| line.trim_start().starts_with(&place)).expect("its row");
    for part in [stage.topic.as_str(), "permanent", "handler", "6", "the reason that it was refused for"] {
        assert!(row.contains(part), "{part} is not in {row}");
    }
    assert!(!all.out.contains("u001") && !all.out.contains("a value"), "{}", all.out);
    assert!(all.out.contains("no dead letter of payflow's"), "{}", all.out);
    assert!(all.err.contains("3 shown of 3 that match; 3 on "), "{}", all.err);

    let keys = stage.run(&["dead-letters", "list", "--show-keys", "--fault", "unknown"]);
    assert_eq!(keys.out.lines().count(), 2, "{}", keys.out);
    assert!(keys.out.contains("u001") && keys.out.contains("timeout"), "{}", keys.out);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn filters_and_limit_choose_and_json_tells_all() {
    let stage = Stage::new(3).await;
    stage.set_many_aside(20).await;
    // Times are told apart by milliseconds; of equal ones the place decides.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let _receipt = stage.set_aside("last", Letter { stage: "decode", ..LETTER }).await;

    let some = stage.run(&["dead-letters", "list", "--limit", "5", "--stage", "handler", "--json"]);
    assert_eq!((some.code, some.json().len()), (Some(0), 5), "{some:?}");
    assert!(some.err.starts_with("5 shown of 20 that match") && some.err.contains("--limit"), "{some:?}");
    let all = stage.run(&["dead-letters", "list", "--json"]);
    assert!(all.err.is_empty(), "only JSON: {all:?}");
    for (arguments, count) in [
        (&["--key", "b"][..], 3),
        (&["--topic", stage.topic.as_str()], 21),
        (&["--topic", "another"], 0),
        (&["--since", "1h"], 21),
        (&["--until", "1h"], 0),
        (&["--since", "1h", "--stage", "decode", "--key", "u001"], 1),
    ] {
        let listed = stage.run(&[&["dead-letters", "list", "--json"], arguments].concat());
        assert_eq!(listed.json().len(), count, "{arguments:?}: {listed:?}");
    }
    let last = stage.run(&["dead-letters", "list", "--limit", "1", "--json"]).json().remove(0);
    assert_eq!(
        (&last["stage"], &last["from"]["offset"], &last["attempts"]),
        (&"decode".into(), &17.into(), &6.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn one_is_shown_whole_and_its_value_only_when_asked_for() {
    let stage = Stage::new(1).await;
    stage.set_many_aside(3).await;
    let receipt = stage.set_aside("a value", LETTER).await;
    stage.set_many_aside(3).await;
    let place = format!("{}@{}", receipt.partition, receipt.offset);

    let shown = stage.run(&["dead-letters", "show", &place]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for part in
        ["traceparent: 00-1", "payflow-payment-id: id of a value", "permanent", "7 bytes; --value shows them"]
    {
        assert!(shown.out.contains(part), "{part} is not in\n{}", shown.out);
    }
    assert!(!shown.out.contains("u001"), "{}", shown.out);

    let json =
        stage.run(&["dead-letters", "show", &place, "--value", "--show-keys", "--json"]).json().remove(0);
    assert_eq!(
        (&json["value"], &json["key"], &json["value_bytes"]),
        (&"a value".into(), &"u001".into(), &7.into())
    );
    assert_eq!(json["headers"].as_array().expect("headers").len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_is_not_there_is_an_error_that_says_so() {
    let stage = Stage::new(1).await;
    for (arguments, part) in [
        (&["dead-letters", "show", "0@99"][..], "has no record at 0@99"),
        (&["dead-letters", "show", "9@0"], "has no partition 9"),
        (&["dead-letters", "list", "--dead-letter-topic", "nowhere"], "topic nowhere does not exist"),
        (&["dead-letters", "redrive", "--dead-letter-topic", "nowhere", "--yes"], "nowhere"),
    ] {
        let ended = stage.run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.err.contains(part), "{ended:?}");
    }
    let empty = stage.run(&["dead-letters", "list"]);
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""), "{empty:?}");
}
