//! Measures the server, and prints the figures.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::load::Load;
use super::server_process::ServerProcess;
use crate::figure::Figure;
use crate::statistics::{median, range};

/// How long to measure, and under what load.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// How many times an echo, the payments and the echo again are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each is measured, in seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How many connections post at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
}

/// What one server did under load.
#[derive(Debug, Clone, Copy)]
struct Run {
    requests_per_second: f64,
    /// Of the server's processors, in microseconds.
    processor_per_request: f64,
}

/// The three runs of a round. The second echo tells how far two equal runs lie apart.
#[derive(Debug, Clone, Copy)]
struct Round {
    echo: Run,
    pay: Run,
    control: Run,
}

/// Measures and prints the figures of `POST /pay`.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        let round = Round { echo: plan.run("/echo")?, pay: plan.run("/pay")?, control: plan.run("/echo")? };
        eprintln!(
            "round {number}: echo {:.0}, pay {:.0}, echo {:.0} requests/s",
            round.echo.requests_per_second, round.pay.requests_per_second, round.control.requests_per_second
        );
        rounds.push(round);
    }
    let rate = |run: Run| run.requests_per_second;
    let processor = |run: Run| run.processor_per_request;
    compare("post-pay", "requests/s", &rounds, |round| round.pay, rate)?;
    compare("post-pay-control", "requests/s", &rounds, |round| round.control, rate)?;
    compare("post-pay-cpu", "us/request", &rounds, |round| round.pay, processor)?;
    compare("post-pay-cpu-control", "us/request", &rounds, |round| round.control, processor)
}

/// Prints the medians of one arm and of the echo, and the median of the ratios within each round.
fn compare(
    name: &str,
    unit: &'static str,
    rounds: &[Round],
    arm: impl Fn(&Round) -> Run,
    of: impl Fn(Run) -> f64,
) -> anyhow::Result<()> {
    let middle = |values: Vec<f64>| median(values).context("no round was measured");
    let value = middle(rounds.iter().map(|round| of(arm(round))).collect())?;
    let baseline = middle(rounds.iter().map(|round| of(round.echo)).collect())?;
    let ratios: Vec<f64> = rounds.iter().map(|round| of(arm(round)) / of(round.echo)).collect();
    let range = range(ratios.iter().copied()).context("no round was measured")?;
    println!("{}", Figure::new(name, value, unit, baseline).with_ratio(middle(ratios)?));
    eprintln!("{name}: ratios from {:.3} to {:.3}", range.least, range.most);
    Ok(())
}

impl Plan {
    /// Loads a server of its own: what a run leaves behind burdens no other.
    fn run(&self, path: &str) -> anyhow::Result<Run> {
        let server = ServerProcess::start()?;
        let load = |seconds| Load { connections: self.connections, duration: Duration::from_secs(seconds) };
        load(WARM_UP_SECONDS).post(server.address(), path)?;
        let before = server.processor_time()?;
        let answered = load(self.seconds).post(server.address(), path)?;
        let used = server.processor_time()?.saturating_sub(before);
        Ok(Run {
            requests_per_second: answered.rate(),
            processor_per_request: used.as_secs_f64() * 1e6 / answered.requests as f64,
        })
    }
}

const WARM_UP_SECONDS: u64 = 1;
