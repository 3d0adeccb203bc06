//! payflow's own tooling, run as `cargo xtask`: one command to test, one for everything that CI checks.

#![forbid(unsafe_code)]

mod ci;
mod step;
mod test;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Tests and checks payflow.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds and runs every test of the workspace, doc tests included.
    ///
    /// It is `cargo test --workspace --locked --no-fail-fast`, with the time it took at the end.
    #[command(after_help = "Examples:
  cargo xtask test
  cargo xtask test -- gap                  only tests whose name contains `gap`
  cargo xtask test -- --lib                no doc tests
  cargo xtask test -- gap -- --nocapture   with what they print")]
    Test {
        /// Handed to `cargo test` as it stands.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Checks everything that must hold before a change is taken: what CI runs.
    ///
    /// In this order: format, clippy, docs, deny (dependencies: bans, licences, sources), typos, and the
    /// tests. It stops at the first step that fails, tells how to repeat that step alone, and writes to no
    /// source file. A table of times comes last. cargo-deny and typos are installed into the user's cache
    /// folder if need be.
    Ci,
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        // The chain alone: where in this program an error came up helps nobody.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    go_to_workspace()?;
    match task {
        Task::Test { args } => test::run(&args),
        Task::Ci => ci::run(),
    }
}

/// Every step runs in the workspace's root, wherever in it the command was typed.
fn go_to_workspace() -> anyhow::Result<()> {
    // At run time first: a target folder may have moved since it was built.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package.parent().context("xtask lies outside the workspace")?;
    std::env::set_current_dir(root).with_context(|| format!("{} cannot be entered", root.display()))
}
