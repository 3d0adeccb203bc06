//! One seed, with its trace.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::ensure;
use payflow_core::simulation::{Options, Run, simulate};

/// Lines of the trace that are printed if not all are asked for.
const LAST_LINES: usize = 60;

/// Runs a seed twice and prints its trace.
///
/// # Errors
/// A promise is broken, or the runs differ.
pub(crate) fn run(seed: u64, whole: bool) -> anyhow::Result<()> {
    let run = traced(seed);
    print!("{}", if whole { &run.trace } else { last_lines(&run.trace) });
    ensure!(traced(seed).trace == run.trace, "seed {seed} ran twice, and its traces differ");
    let (steps, records, time) = (run.steps, run.records, run.virtual_time);
    println!("seed {seed}: {steps} events, {records} records, {} s of its own time", time.as_secs());
    for fault in run.faults.iter().filter(|fault| fault.count > 0) {
        println!("{:>8} {}", fault.count, fault.name);
    }
    ensure!(run.violation.is_none(), "seed {seed}: {}", run.violation.unwrap_or_default());
    Ok(())
}

/// A run with its trace.
pub(crate) fn traced(seed: u64) -> Run {
    simulate(seed, &Options::new().with_trace())
}

/// A run without; what a panic of the code under test says counts as a violation.
pub(crate) fn quick(seed: u64) -> Result<Run, String> {
    let caught = catch_unwind(AssertUnwindSafe(|| simulate(seed, &Options::new())));
    let run = caught.map_err(|_| "the code under test panicked: see above".to_owned())?;
    match run.violation {
        Some(violation) => Err(violation),
        None => Ok(run),
    }
}

/// The end of a trace.
pub(crate) fn last_lines(trace: &str) -> &str {
    let start = trace.rmatch_indices('\n').nth(LAST_LINES).map_or(0, |(index, _)| index + 1);
    trace.get(start..).unwrap_or(trace)
}
