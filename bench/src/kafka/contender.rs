//! A contender, in a process of its own, so that what it uses is told from what others use.

use std::env;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Runs this program with `args`, and reads what it took.
///
/// # Errors
/// It failed, after telling why on standard error; or what it printed cannot be read.
pub(crate) fn run<T>(args: &[String], read: impl FnOnce(&str) -> Option<T>) -> anyhow::Result<T> {
    let program = env::current_exe().context("this program's own file cannot be found")?;
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} cannot be started", args.join(" ")))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{} failed ({})", args.join(" "), output.status);
    read(&printed).with_context(|| format!("{} printed no report:\n{printed}", args.join(" ")))
}
