//! What a message costs in the engine, beside what is recorded: counted by valgrind.

use std::process::Stdio;

use anyhow::ensure;

use crate::step::{Step, Steps, command};

/// Counts and compares, as one step.
///
/// # Errors
///
/// Valgrind is not there and cannot be installed, or a count is not as recorded.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let counts = Step::cargo(
        "counts",
        ["run", "--release", "--locked", "-p", "payflow-bench", "--", "core", "--check"],
    );
    steps.time("counts", &counts.to_string(), || {
        find_or_install()?;
        counts.run()
    })
}

fn find_or_install() -> anyhow::Result<()> {
    if runs("valgrind", &["--version"]) {
        return Ok(());
    }
    if is_root() && runs("apt-get", &["--version"]) {
        eprintln!("installing valgrind with apt-get");
        // Its lists may be missing, or old; where they are not, this changes nothing.
        let _ = runs("apt-get", &["update"]);
        let _ = runs("apt-get", &["install", "--yes", "valgrind"]);
    }
    ensure!(
        runs("valgrind", &["--version"]),
        "valgrind is needed and could not be installed; install it with `apt-get install valgrind`"
    );
    Ok(())
}

fn is_root() -> bool {
    let output = command("id").arg("-u").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether it succeeds; what it prints is of no interest.
fn runs(program: &str, args: &[&str]) -> bool {
    command(program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_or_is_missing_does_not_run() {
        assert!(runs("true", &[]));
        assert!(!runs("false", &[]));
        assert!(!runs("no-such-program", &["--version"]));
    }
}
