//! The suite on the in-process transport, under both rebalance protocols.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Consumer, MemoryConfig, Producer, RebalanceProtocol, Topic};
use payflow_testkit::broken::{BrokenHarness, broken_transports};
use payflow_testkit::conformance::{
    CASES, Capabilities, Case, Harness, Limits, NOTIFIER_CASES, Outcome, check, run_all,
};
use payflow_testkit::{MemoryHarness, MemoryNotifierHarness};

payflow_testkit::conformance!(cooperative, MemoryHarness::new());
payflow_testkit::conformance!(
    eager,
    MemoryHarness::with_config(MemoryConfig::new().with_protocol(RebalanceProtocol::Eager))
);
payflow_testkit::conformance!(
    slow_commits,
    MemoryHarness::with_config(MemoryConfig::new().with_commit_latency(Duration::from_millis(10)))
);
payflow_testkit::notifier_conformance!(notifier, MemoryNotifierHarness::new());

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_cases_at_once_pass() {
    let transport = run_all(CASES, || Box::new(MemoryHarness::new()), 10).await;
    assert_eq!(transport.passed().len(), CASES.len(), "{transport}");
    let notifier = run_all(NOTIFIER_CASES, || Box::new(MemoryNotifierHarness::new()), 10).await;
    assert_eq!(notifier.passed().len(), NOTIFIER_CASES.len(), "{notifier}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_copies_of_a_case_at_once_pass_on_one_cluster() {
    let harness: Arc<dyn Harness> = Arc::new(MemoryHarness::new());
    for case in CASES {
        // An interruption is of the whole cluster, and so of every copy.
        if case.name() == "clients_outlive_an_interruption" {
            continue;
        }
        let copies = (0..10).map(|_| {
            let harness = Arc::clone(&harness);
            tokio::spawn(async move { case.run(&*harness).await })
        });
        for outcome in futures_util::future::join_all(copies).await {
            assert_eq!(outcome.expect("no case panics"), Outcome::Passed, "{}", case.name());
        }
    }
}

#[tokio::test]
async fn a_slow_handler_keeps_membership_where_silence_ends_it() {
    let session = Duration::from_secs(1);
    let harness = MemoryHarness::with_config(MemoryConfig::new().with_session_timeout(Some(session)));
    let limits = Limits { membership: session, ..harness.limits() };
    let case = CASES.iter().find(|case| case.name() == "a_slow_handler_keeps_membership").expect("the case");
    assert_eq!(case.run(&harness.with_limits(limits) as &dyn Harness).await, Outcome::Passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_not_claimed_is_not_asked_for_and_is_reported() {
    let report = run_all(CASES, || Box::new(Modest(MemoryHarness::new())), 10).await;
    let (about_it, not_about_it): (Vec<_>, Vec<_>) = CASES.iter().partition(|case| case.needs().is_empty());
    let names = |cases: &[&Case<dyn Harness>]| cases.iter().map(|case| case.name()).collect::<Vec<_>>();
    assert_eq!(report.not_claimed(), names(&not_about_it));
    assert_eq!(report.passed(), names(&about_it), "{report}");
    assert!(report.to_string().contains("`headers_are_kept` is not claimed: it needs [Headers]"), "{report}");
}

#[test]
#[should_panic(
    expected = "proves: a record is delivered as it was sent, where its receipt says that it stands"
)]
fn a_failed_test_names_the_rule() {
    check(CASES, "round_trip", || Box::new(breaking("round_trip")));
}

#[test]
#[should_panic(expected = "there is no conformance case `round_tripp`")]
fn a_case_that_is_not_there_cannot_pass() {
    check(CASES, "round_tripp", || Box::new(MemoryHarness::new()));
}

fn breaking(case: &str) -> BrokenHarness {
    let broken = broken_transports().find(|broken| broken.fails.iter().any(|failing| failing.case == case));
    (broken.expect("every case has a broken adapter").harness)()
}

/// Claims nothing, and can do nothing of what it does not claim.
struct Modest(MemoryHarness);

#[async_trait]
impl Harness for Modest {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn topic(&self, partitions: i32) -> Topic {
        assert_eq!(partitions, 1, "partitions were not claimed");
        self.0.topic(partitions).await
    }

    async fn producer(&self) -> Arc<dyn Producer> {
        self.0.producer().await
    }

    async fn consumer(&self, group: &str, topic: &Topic) -> Box<dyn Consumer> {
        self.0.consumer(group, topic).await
    }
}
