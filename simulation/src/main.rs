//! Runs the simulation over many seeds, on all processors.

#![forbid(unsafe_code)]

mod campaign;
mod replay;
mod report;

use std::process::ExitCode;

use clap::Parser;

/// Runs the engine against a model of a cluster with faults, a run a seed, and checks its promises.
#[derive(Debug, Parser)]
#[command(name = "payflow-simulation", bin_name = "cargo xtask sim")]
struct Cli {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs this seed alone, twice, and prints what happened.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// With --seed: prints every line of the trace, not only the last ones.
    #[arg(long, requires = "seed")]
    trace: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.seed {
        Some(seed) => replay::run(seed, cli.trace),
        None => campaign::run(cli.from, cli.seeds),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
