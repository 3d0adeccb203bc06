//! Looks whether the copy is noticed to be broken.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::copy::Copy;
use super::mutant::{Catcher, Test};
use crate::step::{Step, command};

/// Both take some seconds: what takes this long hangs.
const ENDS_WITHIN: Duration = Duration::from_secs(300);

/// What came of a hunt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Caught {
        /// A seed, or a test.
        by: String,
        said: String,
    },
    /// Why not.
    Nothing(String),
}

/// Builds the copy and runs what is to notice.
#[derive(Debug)]
pub(super) struct Hunter<'a> {
    copy: &'a Copy,
    seeds: u64,
}

/// How a program ended.
#[derive(Debug)]
struct Ended {
    passed: bool,
    printed: String,
}

impl<'a> Hunter<'a> {
    pub(super) const fn new(copy: &'a Copy, seeds: u64) -> Self {
        Self { copy, seeds }
    }

    /// Builds the copy as it stands, and runs the seeds or the test.
    ///
    /// # Errors
    ///
    /// It does not build, which notices nothing; or there is no such test.
    pub(super) fn hunt(&self, catcher: &Catcher) -> anyhow::Result<Found> {
        match catcher {
            Catcher::Seeds => self.by_seeds(),
            Catcher::Test(test) => self.by_test(test),
        }
    }

    fn by_seeds(&self) -> anyhow::Result<Found> {
        let build = ["build", "--locked", "--quiet", "-p", "payflow-simulation"];
        self.cargo(build.map(String::from).to_vec())?;
        let mut simulation = command(self.copy.build().join("debug/payflow-simulation"));
        simulation.args(["--seeds", &self.seeds.to_string()]);
        let ended = self.run(simulation)?;
        Ok(ended.map_or_else(hangs, |ended| read_seeds(&ended, self.seeds)))
    }

    fn by_test(&self, test: &Test) -> anyhow::Result<Found> {
        let mut build = ["test", "--locked", "--no-run", "-p", &test.package].map(String::from).to_vec();
        build.extend(test.target(self.copy.root())?);
        let told = self.cargo(build)?;
        let program = executable(&told).context("cargo does not tell the test program's name")?;
        let mut tests = command(self.copy.root().join(program));
        // Started as cargo does, but directly: what hangs can then be ended whole.
        tests.arg(&test.name).current_dir(self.copy.root().join(&test.package));
        let ended = self.run(tests)?;
        ended.map_or_else(|| Ok(hangs()), |ended| read_test(&ended, &test.name))
    }

    /// What cargo says, if it succeeds.
    fn cargo(&self, args: Vec<String>) -> anyhow::Result<String> {
        let line = Step::cargo("build", &args).to_string();
        let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(args).current_dir(self.copy.root()).env("CARGO_TARGET_DIR", self.copy.build());
        let output = cargo.output().context("cargo cannot be started")?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "does not build ({line}):\n{told}");
        Ok(told)
    }

    /// `None` if it hangs.
    fn run(&self, mut program: Command) -> anyhow::Result<Option<Ended>> {
        let path = self.copy.build().join("printed.txt");
        let cannot = || format!("{} cannot be written", path.display());
        let printed = File::create(&path).with_context(cannot)?;
        program.stdin(Stdio::null()).stderr(printed.try_clone().with_context(cannot)?).stdout(printed);
        let mut child = program.spawn().context("what was built cannot be started")?;
        let deadline = Instant::now() + ENDS_WITHIN;
        let status = loop {
            if let Some(status) = child.try_wait().context("what was started is gone")? {
                break status;
            }
            if Instant::now() >= deadline {
                // It may end at this very moment, which is as good.
                let _ = child.kill();
                child.wait().context("what hangs cannot be ended")?;
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(20));
        };
        let printed = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Some(Ended { passed: status.success(), printed: String::from_utf8_lossy(&printed).into_owned() }))
    }
}

impl Found {
    pub(super) const fn is_caught(&self) -> bool {
        matches!(self, Self::Caught { .. })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught { by, said } => write!(f, "{by}: {said}"),
            Self::Nothing(why) => write!(f, "NOT CAUGHT: {why}"),
        }
    }
}

fn hangs() -> Found {
    Found::Nothing(format!("no end within {} s", ENDS_WITHIN.as_secs()))
}

fn read_seeds(ended: &Ended, seeds: u64) -> Found {
    if ended.passed {
        return Found::Nothing(format!("{seeds} seeds pass"));
    }
    let failed = ended.printed.lines().find_map(|line| line.strip_prefix("seed ")?.split_once(" failed: "));
    match failed {
        Some((seed, said)) => Found::Caught { by: format!("seed {seed}"), said: said.to_owned() },
        None => Found::Nothing(format!(
            "no seed fails, but: {}",
            ended.printed.lines().last().unwrap_or_default()
        )),
    }
}

fn read_test(ended: &Ended, name: &str) -> anyhow::Result<Found> {
    if ended.printed.contains("\nrunning 0 tests") {
        bail!("no test {name} is run");
    }
    // Others may run whose names hold this one.
    let fails = |line: &str| {
        let test = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"));
        test.is_some_and(|path| path.rsplit("::").next() == Some(name))
    };
    if ended.passed || !ended.printed.lines().any(fails) {
        return Ok(Found::Nothing(format!("`{name}` passes")));
    }
    Ok(Found::Caught { by: format!("`{name}`"), said: panic_message(&ended.printed) })
}

/// What a panic says, in one line.
fn panic_message(printed: &str) -> String {
    let mut lines = printed.lines().skip_while(|line| !line.contains(" panicked at ")).skip(1);
    let first = lines.next().unwrap_or("it fails without a panic").trim();
    let values = lines.take_while(|line| line.starts_with(' ')).map(str::trim);
    let said = std::iter::once(first).chain(values.take(2)).collect::<Vec<_>>().join(", ");
    match said.char_indices().nth(SAID_MAX) {
        Some((end, _)) => said[..end].to_owned() + "…",
        None => said,
    }
}

/// Characters of what a test says that are kept. Some print all that they compare.
const SAID_MAX: usize = 300;

/// The program in cargo's line `Executable tests/x/main.rs (PATH)`.
fn executable(told: &str) -> Option<PathBuf> {
    let line = told.lines().find(|line| line.trim_start().starts_with("Executable "))?;
    let (_, path) = line.strip_suffix(')')?.rsplit_once('(')?;
    Some(Path::new(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(passed: bool, printed: &str) -> Ended {
        Ended { passed, printed: printed.to_owned() }
    }

    #[test]
    fn first_seed_that_fails_is_told_with_its_promise() {
        let printed =
            "trace\n\nseed 17 failed: 0@3 was lost: why\nto replay it: x\nerror: seed 17: 0@3 was lost\n";

        let found = read_seeds(&ended(false, printed), 1_000);

        assert_eq!(found, Found::Caught { by: "seed 17".into(), said: "0@3 was lost: why".into() });
    }

    #[test]
    fn failure_without_a_seed_catches_nothing() {
        let found = read_seeds(&ended(false, "error: hit fewer than 50 times: storm (0)\n"), 1_000);

        assert!(!found.is_caught());
        assert_eq!(
            found.to_string(),
            "NOT CAUGHT: no seed fails, but: error: hit fewer than 50 times: storm (0)"
        );
        assert_eq!(read_seeds(&ended(true, ""), 7), Found::Nothing("7 seeds pass".into()));
    }

    #[test]
    fn failed_test_is_told_with_its_assertion() {
        let printed = "\nrunning 1 test\ntest a ... FAILED\n\n---- a stdout ----\n\nthread 'a' (7) panicked at x.rs:1:2:\n\
                       assertion `left == right` failed\n  left: 1\n right: 2\nnote: run with\n";

        let found = read_test(&ended(false, printed), "a").unwrap();

        let said = "assertion `left == right` failed, left: 1, right: 2";
        assert_eq!(found, Found::Caught { by: "`a`".into(), said: said.into() });
        assert!(!read_test(&ended(true, "\nrunning 1 test\n"), "a").unwrap().is_caught());
        let another = printed.replace("test a ...", "test b::aa ...");
        assert!(!read_test(&ended(false, &another), "a").unwrap().is_caught());
    }

    #[test]
    fn what_is_said_at_length_is_cut() {
        let long = "é".repeat(2 * SAID_MAX);
        let printed = format!("thread 'a' (7) panicked at x.rs:1:2:\n{long}\n");

        assert_eq!(panic_message(&printed), "é".repeat(SAID_MAX) + "…");
    }

    #[test]
    fn test_that_is_not_run_is_an_error() {
        let error = read_test(&ended(true, "\nrunning 0 tests\n\ntest result: ok."), "a").unwrap_err();

        assert_eq!(error.to_string(), "no test a is run");
    }

    #[test]
    fn test_program_is_the_one_that_cargo_names() {
        let told = "   Compiling a\n    Finished b\n  Executable unittests src/lib.rs (/t/debug/deps/a-1)\n";

        assert_eq!(executable(told).unwrap(), Path::new("/t/debug/deps/a-1"));
        assert!(executable("Finished").is_none());
    }
}
