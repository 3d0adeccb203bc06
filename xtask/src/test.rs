//! The README's test command.

use crate::step::{Step, Steps};

/// Builds and runs every test of the workspace, then says how long it took.
///
/// # Errors
///
/// The tests do not build, or one of them failed.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let outcome = run_steps(&mut steps, args);
    println!("\n{}", steps.summary("test"));
    outcome
}

/// The same as steps of a longer run.
///
/// # Errors
///
/// Those of [`run`].
pub(crate) fn run_steps(steps: &mut Steps, args: &[String]) -> anyhow::Result<()> {
    // Built apart: only so does the time of the tests tell something about the tests.
    steps.run(&cargo_test("build tests", &["--no-run"], args))?;
    // One run tells of every test that fails.
    steps.run(&cargo_test("test", &["--no-fail-fast"], args))
}

fn cargo_test(name: &'static str, flags: &[&'static str], args: &[String]) -> Step {
    let always = ["test", "--workspace", "--locked"];
    let args = args.iter().map(String::as_str);
    Step::cargo(name, always.into_iter().chain(flags.iter().copied()).chain(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_reach_cargo_test_unchanged() {
        let args = ["gap", "--", "--nocapture"].map(String::from);

        let step = cargo_test("test", &["--no-fail-fast"], &args);

        assert_eq!(step.to_string(), "cargo test --workspace --locked --no-fail-fast gap -- --nocapture");
    }
}
