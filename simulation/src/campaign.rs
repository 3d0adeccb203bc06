//! Many seeds, on all processors.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::replay::{last_lines, quick, traced};
use crate::report::Totals;

/// Each so many seeds, one is run twice and its traces are compared.
const COMPARED_EACH: u64 = 100;

/// Runs the seeds and prints what was hit.
///
/// # Errors
/// A promise is broken, a seed's two runs differ, or a kind of fault was hit too seldom.
pub(crate) fn run(from: u64, seeds: u64) -> anyhow::Result<()> {
    let bar = bar(seeds);
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let totals = Mutex::new(Totals::default());
    let failed = Mutex::new(None::<Failed>);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                let mut mine = Totals::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= seeds || locked(&failed).is_some() {
                        break;
                    }
                    let seed = from.wrapping_add(number);
                    match check(seed, number.is_multiple_of(COMPARED_EACH)) {
                        Ok(run) => mine.add(&run),
                        Err(why) => {
                            // The lowest of those that were under way.
                            let mut failed = locked(&failed);
                            if failed.as_ref().is_none_or(|known| seed < known.seed) {
                                *failed = Some(Failed { seed, why });
                            }
                        }
                    }
                    bar.inc(1);
                }
                locked(&totals).join(&mine);
            });
        }
    });
    bar.finish_and_clear();
    if let Some(failed) = locked(&failed).take() {
        failed.tell();
        bail!("seed {}: {}", failed.seed, failed.why);
    }
    let totals = locked(&totals);
    println!("{}", totals.table(began.elapsed()));
    totals.check()
}

fn check(seed: u64, compares: bool) -> Result<payflow_core::simulation::Run, String> {
    let run = quick(seed)?;
    if compares && traced(seed).trace != traced(seed).trace {
        return Err("ran twice, and its traces differ".into());
    }
    Ok(run)
}

/// A seed that found something.
#[derive(Debug)]
struct Failed {
    seed: u64,
    why: String,
}

impl Failed {
    fn tell(&self) {
        // It may panic again: then the trace is lost, and the message is there already.
        if let Ok(run) = std::panic::catch_unwind(|| traced(self.seed)) {
            print!("{}", last_lines(&run.trace));
        }
        println!("\nseed {} failed: {}", self.seed, self.why);
        println!("to replay it: cargo xtask sim --seed {} --trace", self.seed);
    }
}

fn bar(seeds: u64) -> ProgressBar {
    // A template that cannot be read is no reason not to run.
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(seeds), ProgressDrawTarget::stderr()).with_style(style)
}

const TEMPLATE: &str = "seed {human_pos} of {human_len} [{bar:30}] {per_sec}, {eta} left";

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic of the code under test is caught before it gets here.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
