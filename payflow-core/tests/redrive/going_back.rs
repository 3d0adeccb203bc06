//! What goes back, and what stays.

use payflow_core::{
    DeadLetter, Fault, HeaderName, Headers, LeftOut, RedriveConfig, RedriveEnd, RedriveFilter, Topic,
};

use crate::rig::{GROUP, LETTER, Letter, Rig, text};

fn config() -> RedriveConfig {
    RedriveConfig::new().with_rate(100_000)
}

#[tokio::test(start_paused = true)]
async fn a_letter_goes_back_whole_to_its_topic_and_the_group_has_finished_it() {
    let rig = Rig::new(2);
    let receipt = rig.set_aside("text", Letter { redrives: 1, ..LETTER }).await;

    let report = rig.run(config()).await.unwrap();

    assert_eq!((report.end, report.counts.sent, report.notes.len()), (RedriveEnd::Complete, 1, 0));
    let back = rig.back();
    assert_eq!((back.len(), text(&back[0]).as_str(), back[0].key()), (1, "text", Some(&b"a"[..])));
    let headers: Vec<_> = back[0].headers().iter().map(|header| header.name).collect();
    assert_eq!(headers, ["traceparent", HeaderName::PAYMENT_ID, DeadLetter::REDRIVES]);
    assert_eq!(back[0].headers().text(HeaderName::PAYMENT_ID), Some("id of text"));
    assert_eq!(back[0].headers().text(DeadLetter::REDRIVES), Some("2"));
    assert_eq!(rig.cluster.committed(GROUP, &rig.dead, receipt.partition), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_a_filter_leaves_out_stays_and_the_next_redrive_sends_just_that() {
    let rig = Rig::new(1);
    for number in 0..10 {
        let stage = if number % 3 == 0 { "decode" } else { "handler" };
        let _receipt = rig.set_aside(&number.to_string(), Letter { stage, ..LETTER }).await;
    }

    let handlers = config().with_filter(RedriveFilter::new().with_stage("handler"));
    let first = rig.run(handlers.clone()).await.unwrap();
    assert_eq!((first.counts.sent, first.counts.left_out(LeftOut::Unmatched)), (6, 4));
    assert_eq!(rig.texts(), ["1", "2", "4", "5", "7", "8"]);
    assert_eq!(
        rig.cluster.committed(GROUP, &rig.dead, 0),
        Some(0),
        "the first stays, and holds the watermark"
    );

    let again = rig.run(handlers).await.unwrap();
    assert_eq!((again.counts.seen, again.counts.sent), (4, 0));

    let rest = rig.run(config()).await.unwrap();
    assert_eq!((rest.counts.seen, rest.counts.sent), (4, 4));
    assert_eq!(rig.texts(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);

    let none = rig.run(config()).await.unwrap();
    assert_eq!((none.end, none.counts.seen), (RedriveEnd::Complete, 0));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_handled_goes_back_only_when_asked_for() {
    let rig = Rig::new(1);
    let _receipt = rig.set_aside("unknown", Letter { fault: "unknown", ..LETTER }).await;
    let _receipt = rig.set_aside("sure", LETTER).await;

    let sure = rig.run(config()).await.unwrap();
    assert_eq!((sure.counts.sent, sure.counts.left_out(LeftOut::Unknown)), (1, 1));
    assert_eq!(rig.texts(), ["sure"]);

    let all = rig.run(config().with_unknown(true)).await.unwrap();
    assert_eq!(all.counts.sent, 1);
    assert_eq!(rig.texts(), ["sure", "unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_changes_nothing() {
    let rig = Rig::new(2);
    rig.set_many_aside(20, 4).await;
    let _receipt = rig.set_aside("unknown", Letter { fault: "unknown", ..LETTER }).await;

    let dry = rig.run(config().with_dry_run(true)).await.unwrap();

    assert_eq!(
        (dry.end, dry.counts.seen, dry.counts.selected, dry.counts.sent),
        (RedriveEnd::Complete, 21, 20, 0)
    );
    assert_eq!(dry.counts.left_out(LeftOut::Unknown), 1);
    assert!(rig.back().is_empty());
    assert_eq!(rig.cluster.lag(GROUP, &rig.dead), 21);
    assert_eq!(rig.run(config()).await.unwrap().counts.sent, 20);
}

#[tokio::test(start_paused = true)]
async fn a_limit_ends_it_and_the_rest_is_there_for_the_next() {
    let rig = Rig::new(1);
    rig.set_many_aside(10, 3).await;

    let first = rig.run(config().with_limit(4)).await.unwrap();
    assert_eq!((first.end, first.counts.seen, first.counts.sent), (RedriveEnd::Limit, 4, 4));
    assert_eq!(rig.texts(), ["0", "1", "2", "3"]);

    let rest = rig.run(config().with_limit(100)).await.unwrap();
    assert_eq!((rest.end, rest.counts.sent), (RedriveEnd::Complete, 6));
    assert_eq!(rig.back().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_on_the_topic_stays_and_is_told() {
    let rig = Rig::new(1);
    rig.set_many_aside(2, 1).await;
    let mut nonsense = Headers::new();
    nonsense.append("payflow-dead-letter-topic", "payments");
    nonsense.append("payflow-dead-letter-offset", vec![0xff, 0xfe]);
    let foreign = rig.write("a", "foreign", nonsense).await;
    rig.set_many_aside(1, 1).await;

    let report = rig.run(config()).await.unwrap();

    assert_eq!((report.end, report.counts.sent), (RedriveEnd::Complete, 3));
    assert_eq!(report.counts.left_out(LeftOut::NotADeadLetter), 1);
    assert_eq!((report.notes.len(), report.notes[0].offset), (1, foreign.offset));
    assert!(!rig.texts().contains(&"foreign".to_owned()));
    assert_eq!(rig.cluster.committed(GROUP, &rig.dead, 0), Some(foreign.offset));
}

#[tokio::test(start_paused = true)]
async fn another_topic_may_be_told_and_one_that_does_not_exist_loses_nothing() {
    let rig = Rig::new(1);
    rig.set_many_aside(3, 2).await;

    let nowhere = rig.run(config().with_to(Topic::parse("nowhere").unwrap())).await.unwrap();
    assert_eq!((nowhere.end, nowhere.counts.sent, nowhere.counts.failed), (RedriveEnd::Complete, 0, 3));
    assert_eq!(nowhere.notes.len(), 3);
    assert!(nowhere.notes[0].reason.contains("does not exist"), "{:?}", nowhere.notes);

    let elsewhere = Topic::parse("elsewhere").unwrap();
    rig.cluster.create_topic(&elsewhere, 1).unwrap();
    assert_eq!(rig.run(config().with_to(elsewhere.clone())).await.unwrap().counts.sent, 3);
    assert_eq!((rig.cluster.records(&elsewhere).len(), rig.back().len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_filter_by_fault_and_key_sends_what_fulfils_both() {
    let rig = Rig::new(2);
    for (key, fault) in [("a", "permanent"), ("a", "transient"), ("b", "transient"), ("b", "permanent")] {
        let _receipt = rig.set_aside(&format!("{key} {fault}"), Letter { key, fault, ..LETTER }).await;
    }
    let filter = RedriveFilter::new().with_fault(Fault::Transient { retry_after: None }).with_key("b");

    let report = rig.run(config().with_filter(filter)).await.unwrap();

    assert_eq!((report.counts.sent, report.counts.left_out(LeftOut::Unmatched)), (1, 3));
    assert_eq!(rig.texts(), ["b transient"]);
}
