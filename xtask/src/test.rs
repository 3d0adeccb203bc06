//! The README's test command: the tests that need no broker, then those that do, with one.

mod args;
pub(crate) mod broker;

use anyhow::{anyhow, ensure};
use payflow_parts::check_go;

use self::args::Args;
use self::broker::{BROKERS, Source};
use crate::step::{Step, Steps};

/// The step that runs the ignored tests.
const BROKER_TESTS: &str = "broker tests";

/// At most so many tests at once on the broker. Each waits for it most of the time, on two cores as on many.
const THREADS: &str = "--test-threads=10";

/// Runs the tests, then says how long it took and what was left out.
///
/// # Errors
///
/// A part is missing; the tests do not build; or one of them failed.
pub(crate) fn run(args: Vec<String>, no_broker: bool) -> anyhow::Result<()> {
    let args = Args::parse(args)?;
    let tests = if no_broker {
        Tests { args, source: None }
    } else {
        Tests::with_parts(args)
            .map_err(|error| anyhow!("{error:#} (--no-broker leaves out what needs a real part)"))?
    };
    let mut steps = Steps::default();
    let outcome = tests.run_steps(&mut steps);
    let skipped = outcome.as_ref().map_or(0, |skipped| *skipped);
    println!("\n{}{}", steps.summary("test"), told(skipped));
    outcome.map(|_| ())
}

/// The tests to run, and where those that need a broker find one.
#[derive(Debug)]
pub(crate) struct Tests {
    args: Args,
    /// None: they are left out.
    source: Option<Source>,
}

impl Tests {
    /// Every test. What they need is looked for now, before minutes go into building.
    ///
    /// # Errors
    ///
    /// A part is missing; the error names the command that installs it.
    pub(crate) fn all() -> anyhow::Result<Self> {
        Self::with_parts(Args::default())
    }

    fn with_parts(args: Args) -> anyhow::Result<Self> {
        check_go()?;
        Ok(Self { args, source: Some(Source::find()?) })
    }

    /// Runs them as steps of a longer run, and returns how many were left out.
    ///
    /// # Errors
    ///
    /// The tests do not build; one of them failed; or the broker cannot be started.
    pub(crate) fn run_steps(&self, steps: &mut Steps) -> anyhow::Result<usize> {
        // Built apart: only so does the time of the tests tell something about the tests. Doc tests are built as they run.
        if !self.args.are_for_doc_tests() {
            steps.run(&cargo_test("build tests", ["--no-run"], self.args.as_typed()))?;
        }
        // One run tells of every test that fails.
        steps.run(&cargo_test("test", ["--no-fail-fast"], self.args.as_typed()))?;

        let counted = self.count_ignored().and_then(|count| self.checked(count));
        let count = match counted {
            Ok(count) => count,
            Err(error) => return steps.time(BROKER_TESTS, "which there are", || Err(error)).map(|()| 0),
        };
        match &self.source {
            None => Ok(count),
            Some(_) if count == 0 => {
                println!("\nno test that needs a broker is among those asked for");
                Ok(0)
            }
            Some(source) => self.run_ignored(source, steps).map(|()| 0),
        }
    }

    /// Without this, a mistake in how they are found would pass for a run of all of them.
    fn checked(&self, count: usize) -> anyhow::Result<usize> {
        let expected = self.args.is_empty();
        ensure!(count > 0 || !expected, "no test needs a broker: are they still marked with #[ignore]?");
        Ok(count)
    }

    fn run_ignored(&self, source: &Source, steps: &mut Steps) -> anyhow::Result<()> {
        let mut broker = source.provide(steps)?;
        let step = self.ignored(BROKER_TESTS, "--no-fail-fast", THREADS).env(BROKERS, broker.address());
        steps.run(&step).map_err(|error| {
            broker.tell_end();
            anyhow!("{error:#}{}", broker.remedy())
        })
    }

    /// How many tests, of those asked for, need a broker: the test programs are asked, and run nothing.
    fn count_ignored(&self) -> anyhow::Result<usize> {
        if self.args.are_for_doc_tests() {
            return Ok(0);
        }
        let list = self.ignored("list", "--quiet", "--list").output()?;
        Ok(list.lines().filter(|line| line.ends_with(": test")).count())
    }

    /// A step for the ignored tests alone.
    fn ignored(&self, name: &'static str, flag: &'static str, harness: &str) -> Step {
        cargo_test(name, [flag], self.args.with_harness(&["--ignored", harness]))
    }
}

fn cargo_test<const N: usize>(name: &'static str, flags: [&'static str; N], args: Vec<String>) -> Step {
    let always = ["test", "--workspace", "--locked"];
    let flags = always.into_iter().chain(flags).map(String::from);
    Step::cargo(name, flags.chain(args))
}

fn told(skipped: usize) -> String {
    let tests = match skipped {
        0 => return String::new(),
        1 => "1 test that needs a broker or Go was".to_owned(),
        _ => format!("{skipped} tests that need a broker or Go were"),
    };
    format!("; {tests} skipped: cargo xtask test runs them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::parse(words.iter().map(|word| (*word).to_owned()).collect()).unwrap()
    }

    #[test]
    fn arguments_reach_cargo_test_unchanged() {
        let step = cargo_test("test", ["--no-fail-fast"], args(&["gap", "--", "--nocapture"]).as_typed());

        assert_eq!(step.to_string(), "cargo test --workspace --locked --no-fail-fast gap -- --nocapture");
    }

    #[test]
    fn broker_tests_are_those_ignored_but_no_doc_tests() {
        let tests = Tests { args: args(&["gap", "--", "--nocapture"]), source: None };

        let step = tests.ignored("broker tests", "--no-fail-fast", THREADS);

        assert_eq!(
            step.to_string(),
            "cargo test --workspace --locked --no-fail-fast --tests gap -- --ignored --test-threads=10 --nocapture"
        );
    }

    #[test]
    fn run_of_everything_that_finds_no_broker_test_fails() {
        let tests = |words: &[&str]| Tests { args: args(words), source: None };

        assert!(tests(&[]).checked(0).is_err());
        assert_eq!(tests(&[]).checked(1).unwrap(), 1);
        assert_eq!(tests(&["gap"]).checked(0).unwrap(), 0);
    }

    #[test]
    fn what_was_left_out_is_told() {
        assert_eq!(told(0), "");
        assert_eq!(told(1), "; 1 test that needs a broker or Go was skipped: cargo xtask test runs them");
        assert_eq!(told(63), "; 63 tests that need a broker or Go were skipped: cargo xtask test runs them");
    }
}
