//! Each case must fail an adapter that is broken in what the case is about, and for that reason.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use payflow_testkit::broken::{BrokenAdapter, broken_notifiers, broken_transports};
use payflow_testkit::conformance::{
    AnyHarness, CASES, Case, Harness, NOTIFIER_CASES, NotifierHarness, Outcome,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_transport_fails_its_cases() {
    assert_all_caught(CASES, broken_transports(), |broken| Box::new(broken) as Box<dyn Harness>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_notifier_fails_its_cases() {
    assert_all_caught(NOTIFIER_CASES, broken_notifiers(), |broken| {
        Box::new(broken) as Box<dyn NotifierHarness>
    })
    .await;
}

#[test]
fn every_case_has_a_broken_adapter_that_fails_it() {
    let failing = broken_transports().flat_map(|broken| broken.fails);
    let failing = failing.chain(broken_notifiers().flat_map(|broken| broken.fails));
    let caught: BTreeSet<&str> = failing.map(|failing| failing.case).collect();
    let transports = CASES.iter().map(Case::name);
    let cases: BTreeSet<&str> = transports.chain(NOTIFIER_CASES.iter().map(Case::name)).collect();
    assert_eq!(caught, cases, "left: cases that a broken adapter fails; right: all cases");
}

/// Runs all pairs at the same time: most of a broken adapter's time is spent waiting for what never comes.
async fn assert_all_caught<B: 'static, H: AnyHarness + ?Sized + 'static>(
    cases: &'static [Case<H>],
    broken: impl Iterator<Item = &'static BrokenAdapter<B>>,
    boxed: impl Fn(B) -> Box<H>,
) {
    let pairs = broken.flat_map(|broken| broken.fails.iter().map(move |failing| (broken, failing)));
    let runs = pairs.map(|(broken, failing)| {
        let case = cases.iter().find(|case| case.name() == failing.case);
        let case = case.unwrap_or_else(|| panic!("there is no case `{}`", failing.case));
        let harness = boxed((broken.harness)());
        let run = tokio::spawn(async move { case.run(&*harness).await });
        async move {
            let wrong = match run.await.expect("no case panics") {
                Outcome::Failed(violation) if violation.to_string().contains(failing.says) => return None,
                Outcome::Failed(violation) => {
                    format!("failed without saying \"{}\":\n {violation}", failing.says)
                }
                other => format!("was not caught: {other:?}"),
            };
            Some(format!("`{}`: an adapter of which \"{}\" {wrong}", failing.case, broken.flaw))
        }
    });
    let missed: Vec<String> = join_all(runs).await.into_iter().flatten().collect();
    assert!(missed.is_empty(), "{} not caught as they should be\n\n{}", missed.len(), missed.join("\n\n"));
}
