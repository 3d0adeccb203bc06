//! All cases in one run, and what became of them.

use std::fmt;
use std::panic::resume_unwind;

use futures_util::{StreamExt as _, stream};

use super::case::{AnyHarness, Case, Outcome};

/// Runs every case, each on a harness of its own, `at_once` of them at the same time, and reports.
///
/// # Panics
/// A case panicked: its harness could not set something up.
pub async fn run_all<H: AnyHarness + ?Sized>(
    cases: &'static [Case<H>],
    harness: impl Fn() -> Box<H> + Send + Sync,
    at_once: usize,
) -> Report {
    let runs = cases.iter().map(|case| {
        let harness = harness();
        async move {
            let run = tokio::spawn(async move { case.run(&*harness).await });
            let outcome = run.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()));
            (case.name(), outcome)
        }
    });
    Report { outcomes: stream::iter(runs).buffered(at_once.max(1)).collect().await }
}

/// What became of every case, in the order of the list.
///
/// Shown, it counts, and names what was not claimed and what failed.
#[derive(Debug, Clone)]
#[must_use]
pub struct Report {
    outcomes: Vec<(&'static str, Outcome)>,
}

impl Report {
    /// The cases whose rules are kept.
    #[must_use]
    pub fn passed(&self) -> Vec<&'static str> {
        self.named(|outcome| *outcome == Outcome::Passed)
    }

    /// The cases that are not about this adapter, by what it claims.
    #[must_use]
    pub fn not_claimed(&self) -> Vec<&'static str> {
        self.named(|outcome| matches!(outcome, Outcome::NotClaimed(_)))
    }

    /// The cases whose rules are broken.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.named(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    fn named(&self, mut of: impl FnMut(&Outcome) -> bool) -> Vec<&'static str> {
        self.outcomes.iter().filter(|(_, outcome)| of(outcome)).map(|(name, _)| *name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} not claimed, {} failed",
            self.passed().len(),
            self.not_claimed().len(),
            self.failed().len()
        )?;
        for (name, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed => {}
                Outcome::NotClaimed(lacking) => write!(f, "\n`{name}` is not claimed: it needs {lacking:?}")?,
                Outcome::Failed(violation) => write!(f, "\n`{name}` failed\n {violation}")?,
            }
        }
        Ok(())
    }
}
