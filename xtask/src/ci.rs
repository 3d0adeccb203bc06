//! Everything that must hold before a change is taken, cheapest first.

use crate::compose;
use crate::counts;
use crate::mutants;
use crate::sim;
use crate::step::{Step, Steps};
use crate::test::Tests;
use crate::tool::{CARGO_DENY, TYPOS};

/// Runs the steps in order, up to the first that fails, and ends with the table of their times.
///
/// # Errors
///
/// A part that a test needs is missing; or a step failed. The error names it, and the command that installs or
/// repeats it.
pub(crate) fn run() -> anyhow::Result<()> {
    // What is missing is told before the first step; nothing is skipped.
    let tests = Tests::all()?;
    let mut steps = Steps::default();
    let outcome = run_steps(&mut steps, &tests);
    println!("\n{steps}");
    outcome
}

fn run_steps(steps: &mut Steps, tests: &Tests) -> anyhow::Result<()> {
    steps.run(&Step::cargo("format", ["fmt", "--all", "--check"]))?;

    steps.time("mutants", "cargo xtask mutants --check", mutants::check)?;

    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.run(&Step::cargo("clippy", clippy))?;

    let doc = ["doc", "--workspace", "--no-deps", "--locked"];
    steps.run(&Step::cargo("docs", doc).env("RUSTDOCFLAGS", "-D warnings"))?;

    CARGO_DENY.run("deny", &["--locked", "check", "bans", "licenses", "sources"], steps)?;
    TYPOS.run("typos", &[], steps)?;

    let _ = tests.run_steps(steps)?;

    // It asks the services, which the tests have built.
    compose::check(steps)?;

    steps.run(&sim::seeds(SEEDS))?;
    counts::run(steps)
}

/// Enough for each kind of fault to be hit hundreds of times.
const SEEDS: u64 = 5_000;
