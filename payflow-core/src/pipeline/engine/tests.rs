//! The engine and its shards, without a runtime: single rules here, random schedules in `schedules`.

mod rig;
mod schedules;

use rig::Rig;

use super::*;
use crate::consumer::PartitionEnd;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn room_shrinks_with_what_is_held_and_a_giant_comes_alone() {
    let mut rig = Rig::new(PipelineConfig::new().with_concurrency(2).with_records_max(4));
    rig.assign(0);
    assert!(rig.engine.room().first_may_exceed);
    rig.receive(0, &["a", "b", "c"]);
    assert_eq!(rig.engine.room().records, 1);
    assert!(!rig.engine.room().first_may_exceed);
    rig.finish_all();
    assert_eq!(rig.engine.room().records, 4);
    assert_eq!(rig.engine.room().bytes, 64 * 1024 * 1024);
}

#[test]
fn a_delivery_of_no_current_assignment_is_given_up_unseen() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.lose(0);
    rig.receive_stale(0, "a");
    assert_eq!(rig.given_up, 1);
    assert_eq!(rig.engine.records(), 0);
}

#[test]
fn what_finishes_after_its_partition_was_lost_is_not_acknowledged_as_finished() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.receive(0, &["a"]);
    let late = rig.end_one_unreported();
    rig.lose(0);
    rig.report(late);
    assert_eq!((rig.finished, rig.given_up), (0, 1));
}

#[test]
fn a_commit_waits_for_its_interval_and_runs_alone() {
    let mut rig = Rig::new(PipelineConfig::new().with_commit_interval(SECOND));
    rig.assign(0);
    rig.receive(0, &["a"]);
    rig.finish_all();
    assert_eq!(rig.commits_started, 1, "nothing was committed before, so the first is due at once");
    rig.receive(0, &["b"]);
    rig.finish_all();
    rig.advance(SECOND);
    assert_eq!(rig.commits_started, 1, "one runs already");
    rig.committed(Ok(()));
    assert_eq!(rig.commits_started, 1, "the interval begins with the end of the last");
    rig.advance(SECOND);
    assert_eq!(rig.commits_started, 2);
}

#[test]
fn a_commit_that_fails_for_a_moment_is_made_up_for_and_not_told() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.receive(0, &["a"]);
    rig.finish_all();
    rig.committed(Err(Error::transient("commit")));
    rig.advance(5 * SECOND);
    rig.committed(Ok(()));
    assert_eq!(rig.commits_started, 2);
    assert!(rig.notices.is_empty(), "{:?}", rig.notices);
}

#[test]
fn a_failed_commit_is_made_up_for_and_told_once() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.receive(0, &["a"]);
    rig.finish_all();
    for _ in 0..3 {
        rig.committed(Err(Error::transient("commit")));
        rig.advance(5 * SECOND);
    }
    rig.committed(Ok(()));
    assert_eq!(rig.commits_started, 4);
    let told: Vec<_> = rig.notices.iter().map(std::mem::discriminant).collect();
    assert_eq!(told.len(), 2, "{:?}", rig.notices);
}

#[test]
fn an_end_is_committed_though_nothing_finished() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    // What stood before it was compacted away: only the end moves the watermark.
    let end = PartitionEnd { slot: 0, generation: 1, offset: 5 };
    rig.on(Event::Received(&mut Inbound { ends: vec![end], ..Inbound::default() }));
    assert_eq!(rig.commits_started, 1);
}

#[test]
fn a_fatal_commit_ends_the_pipeline_with_its_error() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.receive(0, &["a"]);
    rig.finish_all();
    rig.committed(Err(Error::fatal("commit")));
    assert_eq!(rig.outcome().unwrap().unwrap_err().fault(), Fault::Fatal);
}

#[test]
fn a_receive_that_fails_is_repeated_after_a_pause_and_told_once() {
    let mut rig = Rig::new(PipelineConfig::new());
    for _ in 0..3 {
        rig.on(Event::ReceiveFailed(Error::transient("receive")));
        assert!(!rig.engine.receives(rig.now));
        rig.advance(5 * SECOND);
        assert!(rig.engine.receives(rig.now));
    }
    rig.assign(0);
    assert_eq!(rig.notices.len(), 2, "{:?}", rig.notices);
}

#[test]
fn an_unusable_consumer_is_not_asked_again_while_handlers_end() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.receive(0, &["a"]);
    rig.on(Event::ReceiveFailed(Error::fatal("receive")));
    rig.advance(SECOND);
    assert!(!rig.engine.receives(rig.now));
    assert!(rig.outcome().is_none());
    rig.finish_all();
    rig.committed(Ok(()));
    assert_eq!(rig.outcome().unwrap().unwrap_err().fault(), Fault::Fatal);
    assert_eq!(rig.finished, 1);
}

#[test]
fn an_ended_source_is_handled_to_its_end_and_committed() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.receive(0, &["a", "a", "b"]);
    rig.on(Event::Received(&mut Inbound { ended: true, ..Inbound::default() }));
    assert!(rig.outcome().is_none());
    rig.finish_all();
    rig.committed(Ok(()));
    rig.committed(Ok(()));
    assert!(matches!(rig.outcome(), Some(Ok(()))));
    assert_eq!(rig.finished, 3);
}

#[test]
fn a_shutdown_waits_for_what_runs_cuts_it_off_at_the_deadline_and_commits() {
    let mut rig = Rig::new(PipelineConfig::new().with_concurrency(2).with_drain(8 * SECOND));
    rig.assign(0);
    rig.receive(0, &["a", "b", "c"]);
    rig.on(Event::ShutDown);
    assert_eq!(rig.given_up, 1, "what had not started");
    rig.finish_one();
    rig.advance(7 * SECOND);
    assert!(rig.outcome().is_none());
    rig.advance(SECOND);
    assert_eq!((rig.finished, rig.given_up), (1, 2));
    assert!(rig.outcome().is_none(), "what finished is not committed yet");
    rig.committed(Ok(()));
    assert!(matches!(rig.outcome(), Some(Ok(()))));
}

#[test]
fn a_last_commit_that_does_not_come_back_is_not_waited_for_beyond_the_drain() {
    let mut rig = Rig::new(PipelineConfig::new().with_drain(8 * SECOND));
    rig.assign(0);
    rig.receive(0, &["a"]);
    rig.finish_all();
    rig.on(Event::ShutDown);
    assert!(rig.outcome().is_none());
    rig.advance(8 * SECOND);
    assert_eq!(rig.outcome().unwrap().unwrap_err().fault(), Fault::Unknown);
}

#[test]
fn a_revoked_partition_stops_alone_and_is_cut_off_before_its_deadline() {
    let mut rig = Rig::new(PipelineConfig::new().with_concurrency(2));
    rig.assign(0);
    rig.assign(1);
    rig.receive(0, &["a", "a", "b"]);
    rig.receive(1, &["c"]);
    rig.revoke(0, 5 * SECOND);
    assert_eq!(rig.given_up, 1);
    rig.advance(4 * SECOND);
    assert_eq!(rig.given_up, 1);
    rig.advance(Duration::from_millis(950));
    assert_eq!(rig.given_up, 3);
    rig.finish_all();
    assert_eq!(rig.finished, 1);
}

#[test]
fn a_partition_that_went_in_time_is_not_said_to_be_cut_off() {
    let mut rig = Rig::new(PipelineConfig::new());
    rig.assign(0);
    rig.assign(1);
    rig.receive(0, &["a"]);
    rig.finish_all();
    rig.receive(1, &["b"]);
    rig.revoke(0, 5 * SECOND);
    rig.advance(5 * SECOND);
    let cut = rig.notices.iter().any(|notice| matches!(notice, PipelineEvent::CutOff { .. }));
    assert!(!cut, "{:?}", rig.notices);
}
