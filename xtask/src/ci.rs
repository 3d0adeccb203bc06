//! Everything that must hold before a change is taken, cheapest first.

use crate::step::{Step, Steps};
use crate::test;
use crate::tool::{CARGO_DENY, TYPOS};

/// Runs the steps in order, up to the first that fails, and ends with the table of their times.
///
/// # Errors
///
/// A step failed; the error names it and the command that repeats it.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let outcome = run_steps(&mut steps);
    println!("\n{steps}");
    outcome
}

fn run_steps(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run(&Step::cargo("format", ["fmt", "--all", "--check"]))?;

    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.run(&Step::cargo("clippy", clippy))?;

    let doc = ["doc", "--workspace", "--no-deps", "--locked"];
    steps.run(&Step::cargo("docs", doc).env("RUSTDOCFLAGS", "-D warnings"))?;

    CARGO_DENY.run("deny", &["--locked", "check", "bans", "licenses", "sources"], steps)?;
    TYPOS.run("typos", &[], steps)?;

    test::run_steps(steps, &[])
}
