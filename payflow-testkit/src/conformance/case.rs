//! A case, what becomes of it, and how it is run as a test.

use std::fmt;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use tokio::time::timeout;

use super::capabilities::{Capabilities, Capability};
use super::harness::{Harness, Limits, NotifierHarness};
use super::violation::Violation;

/// One rule of a port's contract, and the proof that an adapter keeps it. `H` is `dyn Harness` or `dyn NotifierHarness`.
pub struct Case<H: ?Sized + 'static> {
    name: &'static str,
    proves: &'static str,
    needs: &'static [Capability],
    play: for<'h> fn(&'h H) -> BoxFuture<'h, Result<(), Violation>>,
}

impl<H: ?Sized> Case<H> {
    pub(crate) const fn new(
        name: &'static str,
        proves: &'static str,
        needs: &'static [Capability],
        play: for<'h> fn(&'h H) -> BoxFuture<'h, Result<(), Violation>>,
    ) -> Self {
        Self { name, proves, needs, play }
    }

    /// The name, which is also that of its function and of its test.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The rule it proves, as one sentence.
    #[must_use]
    pub const fn proves(&self) -> &'static str {
        self.proves
    }

    /// What an adapter must claim for the case to be about it.
    #[must_use]
    pub const fn needs(&self) -> &'static [Capability] {
        self.needs
    }
}

impl<H: AnyHarness + ?Sized> Case<H> {
    /// Plays the case on a harness that has played no other, and cleans up.
    pub async fn run(&self, harness: &H) -> Outcome {
        let lacking = harness.capabilities().lacking(self.needs);
        if !lacking.is_empty() {
            return Outcome::NotClaimed(lacking);
        }
        let limit = harness.limits().case;
        // Waits inside a case end at its limit and say what for; this is for whatever does not wait by the clock.
        let played = timeout(limit + limit / 4, (self.play)(harness)).await;
        harness.clean_up().await;
        match played {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(violation)) => Outcome::Failed(violation),
            Err(_) => Outcome::Failed(Violation::new(
                format!("the case to end within {limit:?}"),
                "it went on for a quarter longer",
            )),
        }
    }
}

impl<H: ?Sized> fmt::Debug for Case<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The adapter keeps the rule.
    Passed,
    /// The adapter does not claim these, so the rule is not about it.
    NotClaimed(Vec<Capability>),
    /// The adapter breaks the rule.
    Failed(Violation),
}

/// The harnesses a case can be played on: `dyn Harness` and `dyn NotifierHarness`. Nothing else implements it.
#[async_trait]
pub trait AnyHarness: Send + Sync + sealed::Sealed {
    #[doc(hidden)]
    fn capabilities(&self) -> Capabilities;
    #[doc(hidden)]
    fn limits(&self) -> Limits;
    #[doc(hidden)]
    async fn clean_up(&self);
}

mod sealed {
    // Not to be named is what it is for.
    #[allow(unnameable_types)]
    pub trait Sealed {}
    impl Sealed for dyn super::Harness {}
    impl Sealed for dyn super::NotifierHarness {}
}

#[async_trait]
impl AnyHarness for dyn Harness {
    fn capabilities(&self) -> Capabilities {
        Harness::capabilities(self)
    }

    fn limits(&self) -> Limits {
        Harness::limits(self)
    }

    async fn clean_up(&self) {
        Harness::clean_up(self).await;
    }
}

#[async_trait]
impl AnyHarness for dyn NotifierHarness {
    fn capabilities(&self) -> Capabilities {
        NotifierHarness::capabilities(self)
    }

    fn limits(&self) -> Limits {
        NotifierHarness::limits(self)
    }

    async fn clean_up(&self) {
        NotifierHarness::clean_up(self).await;
    }
}

/// Runs one case as a test, on a runtime of its own: what each test made by [`conformance!`](crate::conformance!) does.
///
/// A case that is not claimed prints so to standard error and returns: see it with `cargo test -- --nocapture`, or ask
/// [`run_all`](super::run_all) for a report.
///
/// # Panics
/// The adapter breaks the rule (the message says which, what was expected, what happened and with which record), there
/// is no case of this name, or no runtime can be built.
pub fn check<H: AnyHarness + ?Sized>(cases: &[Case<H>], name: &str, harness: impl FnOnce() -> Box<H>) {
    let Some(case) = cases.iter().find(|case| case.name == name) else {
        panic!("there is no conformance case `{name}`");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for `{name}`: {error}"));
    match runtime.block_on(async { case.run(&*harness()).await }) {
        Outcome::Passed => {}
        Outcome::NotClaimed(lacking) => {
            eprintln!("conformance case `{name}`: not claimed, it needs {lacking:?}")
        }
        Outcome::Failed(violation) => {
            panic!("conformance case `{name}` failed\n   proves: {}\n {violation}", case.proves)
        }
    }
}
