//! Everything that must hold before a change is taken, cheapest first.

use std::path::PathBuf;

use crate::compose::{self, Compose};
use crate::counts::{self, VALGRIND};
use crate::mutants;
use crate::sim;
use crate::step::{Step, Steps};
use crate::test::Tests;
use crate::tool::{CARGO_DENY, TYPOS};

/// The names of the steps in their order, as CONTRIBUTING.md tells what each is for. One that is not here does not run.
const STEPS: &[&str] = &[
    "format",
    "mutants",
    "clippy",
    "docs",
    "deny",
    "typos",
    "build tests",
    "test",
    "start broker",
    "broker tests",
    "compose",
    "simulation",
    "counts",
];

/// Runs the steps in order, up to the first that fails, and ends with the table of their times.
///
/// # Errors
///
/// A part that a step needs is missing; or a step failed. The error names it, and the command that installs or
/// repeats it.
pub(crate) fn run() -> anyhow::Result<()> {
    // What is missing is told before the first step; nothing is skipped.
    let parts = Parts::find_or_install()?;
    let mut steps = Steps::of(STEPS);
    let outcome = run_steps(&mut steps, &parts);
    println!("\n{steps}");
    outcome
}

/// What the steps need beside Rust.
struct Parts {
    tests: Tests,
    compose: Compose,
    deny: PathBuf,
    typos: PathBuf,
}

impl Parts {
    fn find_or_install() -> anyhow::Result<Self> {
        let tests = Tests::all()?;
        let compose = Compose::find_or_install()?;
        VALGRIND.find_or_install()?;
        let (deny, typos) = (CARGO_DENY.find_or_install()?, TYPOS.find_or_install()?);
        Ok(Self { tests, compose, deny, typos })
    }
}

fn run_steps(steps: &mut Steps, parts: &Parts) -> anyhow::Result<()> {
    steps.run(&Step::cargo("format", ["fmt", "--all", "--check"]))?;

    steps.time("mutants", "cargo xtask mutants --check", mutants::check)?;

    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.run(&Step::cargo("clippy", clippy))?;

    let doc = ["doc", "--workspace", "--no-deps", "--locked"];
    steps.run(&Step::cargo("docs", doc).env("RUSTDOCFLAGS", "-D warnings"))?;

    let deny = ["--locked", "check", "bans", "licenses", "sources"];
    steps.run(&Step::new("deny", &parts.deny, deny))?;
    steps.run(&Step::new("typos", &parts.typos, [""; 0]))?;

    let _ = parts.tests.run_steps(steps)?;

    // It asks the services, which the tests have built.
    compose::check(parts.compose, steps)?;

    steps.run(&sim::seeds(SEEDS))?;
    steps.run(&counts::step())
}

/// Enough for each kind of fault to be hit hundreds of times.
const SEEDS: u64 = 5_000;
