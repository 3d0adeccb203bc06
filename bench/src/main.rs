//! Measures payflow, run as `payflow-bench`: every figure in `docs/performance.md` comes out of it.
//!
//! A figure is one line, `name value unit baseline ratio`, on standard output; what is going on is told on standard
//! error. The ratio is value over baseline; which way is better, and how far it must go, the document says.

#![forbid(unsafe_code)]

mod dispatch;
mod figure;
mod http;
mod statistics;
mod valgrind;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};

/// Measures payflow. Build it with `--release`.
#[derive(Debug, Parser)]
#[command(name = "payflow-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Instructions and allocations per message through the pipeline, without a transport. Needs valgrind.
    Core(dispatch::Plan),
    /// The program that `core` measures: one pipeline, one load, nothing else.
    #[command(hide = true)]
    CoreRun(dispatch::Load),
    /// POST /pay beside an echo on the same server: rate and processor time. Needs wrk.
    Http(http::Plan),
    /// The server that `http` measures: serves until its standard input ends.
    #[command(hide = true)]
    HttpServe,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Core(plan) => {
            check_optimised()?;
            dispatch::measure(&plan)
        }
        Command::CoreRun(load) => dispatch::run(&load),
        Command::Http(plan) => {
            check_optimised()?;
            http::measure(&plan)
        }
        Command::HttpServe => http::serve(),
    }
}

/// What is measured is this very program.
fn check_optimised() -> anyhow::Result<()> {
    ensure!(
        !cfg!(debug_assertions),
        "a debug build says nothing about speed: cargo run --release -p payflow-bench -- ..."
    );
    Ok(())
}
