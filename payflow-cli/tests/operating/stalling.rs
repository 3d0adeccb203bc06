//! A redrive that can read on no more, because of what it left out.

use payflow_core::{Producer as _, Record};

use crate::harness::{LETTER, Letter, Stage};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_stall_behind_what_is_left_out_names_its_cause_and_the_remedy_that_ends_it() {
    const LEFT_OUT: u64 = 160;
    const BEHIND: u64 = 17_000;
    let stage = Stage::new(1).await;
    let record = |number: u64| -> Record {
        let text = number.to_string();
        let fault = if number < LEFT_OUT { "unknown" } else { "permanent" };
        // Each under a key of its own, so that none waits for another.
        stage.letter(&text, Letter { fault, ..LETTER }).with_key(text)
    };
    let records: Vec<Record> = (0..LEFT_OUT + BEHIND).map(record).collect();
    for some in records.chunks(1_000) {
        let results = stage.producer.send_all(some.to_vec()).await;
        assert!(results.iter().all(Result::is_ok), "a broker");
    }
    let redrive = |arguments: &[&str]| {
        stage.run(&[&["dead-letters", "redrive", "--rate", "100000", "--yes"], arguments].concat())
    };

    let stalled = redrive(&["--first"]);

    assert_eq!(stalled.code, Some(1), "{stalled:?}");
    for part in [
        "stalled: nothing more comes of partitions [0]",
        "159 or more of one partition stay and lie more than 16384 offsets before",
        "What helps: --include-unknown for 160.",
        "Another --group does not",
    ] {
        assert!(stalled.out.contains(part), "{part} is not in {}", stalled.out);
    }

    let rest = redrive(&["--include-unknown", "--json"]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert_eq!(stage.read(&stage.topic).await.len() as u64, LEFT_OUT + BEHIND, "each once");
}
