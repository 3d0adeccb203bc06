//! Steps: commands that have a name, are timed, and tell how to be repeated when they fail.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// One command to run, under the name it has in the table.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    /// What a person types, which is not always what is started (`cargo` is one file among several toolchains').
    typed: String,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(&'static str, String)>,
}

impl Step {
    /// A step that runs the cargo which runs this program.
    pub(crate) fn cargo<I: IntoIterator<Item: AsRef<OsStr>>>(name: &'static str, args: I) -> Self {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self { typed: "cargo".into(), ..Self::new(name, program, args) }
    }

    /// A step that runs `program`.
    pub(crate) fn new<I>(name: &'static str, program: impl Into<OsString>, args: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let program = program.into();
        let typed = program.to_string_lossy().into_owned();
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Self { name, typed, program, args, env: Vec::new() }
    }

    /// Sets one environment variable for the command.
    pub(crate) fn env(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.env.push((key, value.into()));
        self
    }

    /// Runs the command to its end, with this program's input and output.
    ///
    /// # Errors
    ///
    /// It cannot be started, or it failed.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let status = self.command().status().with_context(|| self.not_started())?;
        self.succeeded(status)
    }

    /// Runs the command to its end and returns what it printed. Its errors go where this program's go.
    ///
    /// # Errors
    ///
    /// It cannot be started, or it failed.
    pub(crate) fn output(&self) -> anyhow::Result<String> {
        let output = self.command().stderr(Stdio::inherit()).output().with_context(|| self.not_started())?;
        self.succeeded(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self) -> Command {
        let mut command = command(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    fn not_started(&self) -> String {
        format!("step {}: {} cannot be started", self.name, self.typed)
    }

    fn succeeded(&self, status: ExitStatus) -> anyhow::Result<()> {
        ensure!(status.success(), "step {} failed ({status}); to repeat it alone: {self}", self.name);
        Ok(())
    }
}

/// The line to type in a shell.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.env {
            write!(f, "{key}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.typed))?;
        for arg in &self.args {
            write!(f, " {}", quoted(&arg.to_string_lossy()))?;
        }
        Ok(())
    }
}

/// A command in a clean environment: without what `cargo run` tells this program about its own package, which
/// some build scripts watch, so that they would run again each time.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (key, _) in env::vars_os() {
        let about_package = key.to_str().is_some_and(|key| {
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| key.starts_with(prefix))
        });
        if about_package {
            command.env_remove(key);
        }
    }
    command
}

/// The steps that ran, each with its time.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
    /// The names that a step may have; `None` for any.
    names: Option<&'static [&'static str]>,
}

#[derive(Debug)]
struct Done {
    name: &'static str,
    time: Duration,
    passed: bool,
}

impl Steps {
    /// For steps of these names alone, so that none runs that the list lacks.
    pub(crate) fn of(names: &'static [&'static str]) -> Self {
        Self { names: Some(names), ..Self::default() }
    }

    /// Runs one step to its end and keeps its time.
    ///
    /// # Errors
    ///
    /// The command cannot be started, or it failed.
    pub(crate) fn run(&mut self, step: &Step) -> anyhow::Result<()> {
        self.time(step.name, &step.to_string(), || step.run())
    }

    /// Times `work` under `name`; `what` tells the reader what happens now.
    ///
    /// # Errors
    ///
    /// Those of `work`; or the name is not among those that a step may have.
    pub(crate) fn time(
        &mut self,
        name: &'static str,
        what: &str,
        work: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        println!("\n==> {name}: {what}");
        let start = Instant::now();
        let outcome = self.check_listed(name).and_then(|()| work());
        let time = start.elapsed();
        let passed = outcome.is_ok();
        println!("==> {name}: {} in {}", verdict(passed), seconds(time));
        self.done.push(Done { name, time, passed });
        outcome
    }

    fn check_listed(&self, name: &str) -> anyhow::Result<()> {
        let listed = self.names.is_none_or(|names| names.contains(&name));
        ensure!(listed, "step {name} is on no list: add it to the one of this run's steps");
        Ok(())
    }

    fn total(&self) -> Duration {
        self.done.iter().map(|done| done.time).sum()
    }

    fn passed(&self) -> bool {
        self.done.iter().all(|done| done.passed)
    }

    /// One line: how it ended, and how long it took.
    pub(crate) fn summary(&self, name: &str) -> String {
        format!("{name}: {} in {}", verdict(self.passed()), seconds(self.total()))
    }
}

/// The table of times.
impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Done { name, time, passed } in &self.done {
            writeln!(f, "{name:<14}{:>10}  {}", seconds(*time), verdict(*passed))?;
        }
        write!(f, "{:<14}{:>10}  {}", "total", seconds(self.total()), verdict(self.passed()))
    }
}

fn verdict(passed: bool) -> &'static str {
    if passed { "passed" } else { "FAILED" }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_step_names_itself_and_the_command_to_repeat_it() {
        let step = Step::new("docs", "false", ["-a b", "it's"]).env("FLAGS", "-D warnings");

        let error = Steps::default().run(&step).unwrap_err().to_string();

        assert!(error.starts_with("step docs failed"), "{error}");
        assert!(error.ends_with(r"FLAGS='-D warnings' false '-a b' 'it'\''s'"), "{error}");
    }

    #[test]
    fn missing_program_names_step_and_program() {
        let error = Steps::default().run(&Step::new("deny", "no-such-program", [""; 0])).unwrap_err();

        assert_eq!(error.to_string(), "step deny: no-such-program cannot be started");
    }

    #[test]
    fn table_holds_every_step_that_ran_and_the_one_that_failed() {
        let mut steps = Steps::default();
        steps.run(&Step::new("format", "true", [""; 0])).unwrap();
        steps.run(&Step::new("clippy", "false", [""; 0])).unwrap_err();

        let table = steps.to_string();

        let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(row("format").ends_with("passed"), "{table}");
        assert!(row("clippy").ends_with("FAILED"), "{table}");
        assert!(row("total").ends_with("FAILED"), "{table}");
        assert!(steps.summary("ci").starts_with("ci: FAILED in "));
    }

    #[test]
    fn step_that_the_list_lacks_does_not_run() {
        let mut steps = Steps::of(&["format"]);

        steps.time("format", "", || Ok(())).unwrap();
        let error = steps.time("clippy", "", || panic!("it ran")).unwrap_err();

        assert!(error.to_string().starts_with("step clippy is on no list"), "{error}");
        assert!(steps.summary("ci").starts_with("ci: FAILED in "));
    }

    #[test]
    fn cargo_is_repeated_by_its_name() {
        assert_eq!(Step::cargo("format", ["fmt", "--all"]).to_string(), "cargo fmt --all");
    }
}
