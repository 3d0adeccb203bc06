//! What follows `--` on the command line.

use anyhow::ensure;

/// cargo's arguments that choose among the targets. Each of them leaves out doc tests.
const TARGETS: &[&str] = &[
    "--all-targets",
    "--bench",
    "--benches",
    "--bin",
    "--bins",
    "--example",
    "--examples",
    "--lib",
    "--test",
    "--tests",
];

/// Arguments for `cargo test`, and for the test programs behind another `--`.
#[derive(Debug, Default)]
pub(super) struct Args {
    cargo: Vec<String>,
    harness: Vec<String>,
}

impl Args {
    /// # Errors
    ///
    /// They ask for ignored tests, which is this command's to decide.
    pub(super) fn parse(mut args: Vec<String>) -> anyhow::Result<Self> {
        let separator = args.iter().position(|arg| arg == "--");
        let harness = separator.map_or_else(Vec::new, |index| args.split_off(index).split_off(1));
        let asks = harness.iter().find(|arg| ["--ignored", "--include-ignored"].contains(&arg.as_str()));
        ensure!(
            asks.is_none(),
            "--ignored and --include-ignored are not for this command: it runs ignored tests as soon as it has a \
             broker, and --no-broker leaves them out"
        );
        Ok(Self { cargo: args, harness })
    }

    /// Whether nothing was asked for in particular.
    pub(super) fn is_empty(&self) -> bool {
        self.cargo.is_empty() && self.harness.is_empty()
    }

    /// Whether doc tests alone were asked for, of which none needs a broker.
    pub(super) fn are_for_doc_tests(&self) -> bool {
        self.cargo.iter().any(|arg| arg == "--doc")
    }

    pub(super) fn as_typed(&self) -> Vec<String> {
        self.joined(&[], &[])
    }

    /// With more arguments for the test programs, and without doc tests: those marked `ignore` are never to be run.
    /// What was typed wins over `more`.
    pub(super) fn with_harness(&self, more: &[&str]) -> Vec<String> {
        let chosen = self.cargo.iter().any(|arg| is_any_of(arg, TARGETS));
        let targets: &[&str] = if chosen { &[] } else { &["--tests"] };
        let typed = |flag: &str| {
            let name = flag.split('=').next().unwrap_or(flag);
            flag.contains('=') && self.harness.iter().any(|arg| is_any_of(arg, &[name]))
        };
        let more: Vec<&str> = more.iter().copied().filter(|flag| !typed(flag)).collect();
        self.joined(targets, &more)
    }

    fn joined(&self, cargo: &[&str], harness: &[&str]) -> Vec<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut all = [owned(cargo), self.cargo.clone()].concat();
        let harness = [owned(harness), self.harness.clone()].concat();
        if !harness.is_empty() {
            all.push("--".to_owned());
            all.extend(harness);
        }
        all
    }
}

/// Whether `arg` is one of `names`, alone or as `--name=value`.
fn is_any_of(arg: &str, names: &[&str]) -> bool {
    let name = arg.split('=').next().unwrap_or(arg);
    names.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Args> {
        Args::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn what_was_typed_stays_as_it_is() {
        for line in ["", "gap", "--lib gap -- --nocapture", "-- a -- b"] {
            let args = parse(line).unwrap();

            assert_eq!(args.as_typed().join(" "), line);
            assert_eq!(args.is_empty(), line.is_empty());
        }
    }

    #[test]
    fn more_for_the_test_programs_comes_first_behind_one_separator() {
        let more =
            |line: &str| parse(line).unwrap().with_harness(&["--ignored", "--test-threads=10"]).join(" ");

        assert_eq!(more(""), "--tests -- --ignored --test-threads=10");
        assert_eq!(more("gap"), "--tests gap -- --ignored --test-threads=10");
        assert_eq!(more("-- --exact"), "--tests -- --ignored --test-threads=10 --exact");
    }

    #[test]
    fn what_was_typed_wins() {
        let more =
            |line: &str| parse(line).unwrap().with_harness(&["--ignored", "--test-threads=10"]).join(" ");

        assert_eq!(more("--lib"), "--lib -- --ignored --test-threads=10");
        assert_eq!(more("--test=kafka"), "--test=kafka -- --ignored --test-threads=10");
        assert_eq!(more("-- --test-threads=1"), "--tests -- --ignored --test-threads=1");
        assert_eq!(more("-- --test-threads 1"), "--tests -- --ignored --test-threads 1");
    }

    #[test]
    fn doc_tests_alone_are_recognised() {
        assert!(parse("--doc gap").unwrap().are_for_doc_tests());
        assert!(!parse("gap -- --doc").unwrap().are_for_doc_tests());
    }

    #[test]
    fn ignored_tests_cannot_be_asked_for() {
        for line in ["-- --ignored", "gap -- --include-ignored"] {
            let error = parse(line).unwrap_err().to_string();

            assert!(error.contains("--no-broker"), "{error}");
        }
        assert!(parse("ignored").is_ok());
    }
}
