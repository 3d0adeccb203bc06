//! What is said and done where Kafka remembers nothing of redrives.

use crate::harness::Stage;

const REDRIVE: [&str; 5] = ["dead-letters", "redrive", "--rate", "10000", "--yes"];
const FORGOTTEN: [&str; 3] =
    ["nothing is remembered of redrives", "offsets.retention.minutes", "sent back before"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_a_forgotten_group_sent_back_is_sent_again_only_when_told_so() {
    let stage = Stage::new(2).await;
    stage.set_many_aside(8).await;
    let refused = || {
        let refused = stage.run(&REDRIVE);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        for part in FORGOTTEN.iter().chain(&["Nothing was sent", "--first", "8 that stand there"]) {
            assert!(refused.err.contains(part), "{part} is not in {}", refused.err);
        }
    };
    let sent_anew = || {
        let sent = stage.run(&[&REDRIVE[..], &["--first"]].concat());
        assert!(sent.out.starts_with("8 sent, of 8 looked at\n"), "{sent:?}");
    };

    refused();
    assert_eq!(stage.back().await.len(), 0);
    sent_anew();
    assert!(stage.run(&REDRIVE).out.starts_with("0 sent, of 0 looked at\n"));
    assert_eq!(stage.back().await.len(), 8);

    stage.forget_group().await;
    refused();
    assert_eq!(stage.back().await.len(), 8, "none came twice");
    sent_anew();
    assert_eq!(stage.back().await.len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_list_and_a_dry_run_say_that_nothing_is_remembered() {
    let stage = Stage::new(2).await;
    let empty = stage.run(&["dead-letters", "list"]);
    assert!(empty.err.contains("; 0 not sent back of"), "{empty:?}");
    stage.set_many_aside(8).await;

    let listed = stage.run(&["dead-letters", "list"]);
    let tried = stage.run(&["dead-letters", "redrive", "--dry-run"]);
    for said in [&listed, &tried] {
        assert_eq!(said.code, Some(0), "{said:?}");
        for part in FORGOTTEN {
            assert!(said.err.contains(part), "{part} is not in {}", said.err);
        }
        assert!(!said.err.contains("not sent back"), "{}", said.err);
    }
    let json = |arguments: &[&str], remembered: Option<bool>| {
        let told = stage.run(&[&["dead-letters"], arguments, &["--json"]].concat()).json().remove(0);
        assert_eq!(told.get("redrives_remembered"), remembered.map(Into::into).as_ref(), "{told}");
    };
    json(&["list"], Some(false));
    json(&["list", "--all"], None);
    json(&["redrive", "--dry-run"], Some(false));

    assert_eq!(stage.run(&[&REDRIVE[..], &["--first", "--limit", "3"]].concat()).code, Some(0));
    let listed = stage.run(&["dead-letters", "list"]);
    assert!(listed.err.contains("; 5 not sent back of") && !listed.err.contains("remembered"), "{listed:?}");
    json(&["list"], Some(true));
    json(&["redrive", "--dry-run"], Some(true));
}
