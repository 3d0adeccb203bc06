//! Measures the payments' front door beside an echo, and prints the figures.

use clap::Args;

use super::run::{Run, Timing};
use super::serve::Serve;
use crate::rounds::{Pair, print};

/// How often and how long to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// How many times an echo, the payments and the echo again are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[command(flatten)]
    timing: Timing,
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
    let (serve, timing) = (Serve::in_memory(), &plan.timing);
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        let round = Round {
            echo: timing.run(&serve, "/echo")?,
            pay: timing.run(&serve, "/pay")?,
            control: timing.run(&serve, "/echo")?,
        };
        eprintln!(
            "round {number}: echo {:.0}, pay {:.0}, echo {:.0} requests/s",
            round.echo.requests_per_second, round.pay.requests_per_second, round.control.requests_per_second
        );
        rounds.push(round);
    }
    let pairs = |arm: fn(&Round) -> Run, of: fn(&Run) -> f64| -> Vec<Pair> {
        rounds.iter().map(|round| Pair { value: of(&arm(round)), baseline: of(&round.echo) }).collect()
    };
    let rate = |run: &Run| run.requests_per_second;
    let processor = |run: &Run| run.processor_per_request;
    print("post-pay", "requests/s", &pairs(|round| round.pay, rate))?;
    print("post-pay-control", "requests/s", &pairs(|round| round.control, rate))?;
    print("post-pay-cpu", "us/request", &pairs(|round| round.pay, processor))?;
    print("post-pay-cpu-control", "us/request", &pairs(|round| round.control, processor))
}
