//! Measures both in turn, and prints the figures.

use std::time::Duration;

use clap::Args;

use super::contender::{Contender, Load};
use crate::rounds::{Pair, print};

/// What to run, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// How many handlers run at once; several numbers have commas between, and each is measured.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000], value_parser = clap::value_parser!(u32).range(1..=8_192))]
    in_flight: Vec<u32>,
    /// How long a handler waits, in milliseconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    handler_ms: u64,
    /// How many keys the messages are spread over.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    keys: u32,
    /// How many handlers each of the places runs one after another while it is measured.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    turns: u32,
    /// How many times the contenders are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
}

/// Measures and prints how many messages a second handlers that wait can take.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    for &in_flight in &plan.in_flight {
        let wait = Duration::from_millis(plan.handler_ms);
        let load = Load { in_flight, wait, keys: plan.keys, turns: plan.turns };
        let (mut pipeline, mut control) = (Vec::new(), Vec::new());
        for number in 1..=plan.rounds {
            let value = Contender::Pipeline.run(&load)?;
            let baseline = Contender::BufferUnordered.run(&load)?;
            let again = Contender::BufferUnordered.run(&load)?;
            eprintln!(
                "round {number} with {in_flight}: pipeline {value:.0}, buffer_unordered {baseline:.0} and {again:.0} messages/s"
            );
            pipeline.push(Pair { value, baseline });
            control.push(Pair { value: again, baseline });
        }
        print(&format!("waiting-{in_flight}"), "messages/s", &pipeline)?;
        print(&format!("waiting-{in_flight}-control"), "messages/s", &control)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Waiting {
        #[command(flatten)]
        plan: Plan,
    }

    #[test]
    fn what_is_measured_can_be_chosen_within_bounds() {
        let plan = Waiting::try_parse_from(["waiting"]).unwrap().plan;
        assert_eq!((plan.in_flight, plan.handler_ms, plan.keys), (vec![100, 1_000], 10, 10_000));
        let plan = Waiting::try_parse_from(["waiting", "--in-flight=1,20"]).unwrap().plan;
        assert_eq!(plan.in_flight, [1, 20]);
        for bad in [
            "--in-flight=0",
            "--in-flight=1,x",
            "--in-flight=8193",
            "--handler-ms=0",
            "--keys=0",
            "--turns=0",
            "--rounds=0",
        ] {
            assert!(Waiting::try_parse_from(["waiting", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_small_plan_is_measured_to_its_end() {
        let args = ["waiting", "--in-flight=3,5", "--handler-ms=1", "--keys=50", "--turns=2", "--rounds=1"];
        measure(&Waiting::try_parse_from(args).unwrap().plan).unwrap();
    }
}
