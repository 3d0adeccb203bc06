//! All measurements one after the other, each in a process of its own.

use std::env;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;

use crate::kafka::{Cluster, parse_brokers};

/// Where to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Kafka's brokers: HOST:PORT, several with commas between. Without it a Kafka of its own is started.
    #[arg(long, value_parser = parse_brokers)]
    brokers: Option<String>,
    /// How many times contenders are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Leave out what valgrind counts: other work does not change it, so it needs no machine that does nothing else.
    #[arg(long)]
    no_counts: bool,
}

/// A measurement.
struct Part {
    args: &'static [&'static str],
    on_kafka: bool,
    /// By valgrind, once. Else by the clock, in rounds.
    counted: bool,
}

const ALL: &[Part] = &[
    Part { args: &["http"], on_kafka: false, counted: false },
    Part { args: &["grpc"], on_kafka: false, counted: false },
    Part { args: &["waiting"], on_kafka: false, counted: false },
    Part { args: &["kafka"], on_kafka: true, counted: false },
    Part { args: &["kafka", "--part=consume", "--headers"], on_kafka: true, counted: false },
    Part { args: &["peers"], on_kafka: true, counted: false },
    Part { args: &["kafka", "--three", "--part=pay", "--part=pay-latency"], on_kafka: false, counted: false },
    Part { args: &["peers", "--three", "--part=pay"], on_kafka: false, counted: false },
    Part { args: &["core"], on_kafka: false, counted: true },
    Part { args: &["offsets"], on_kafka: false, counted: true },
    Part { args: &["held"], on_kafka: false, counted: true },
    Part { args: &["kafka", "--part=counts", "--part=partitions"], on_kafka: true, counted: true },
];

impl Part {
    /// What to start this program with.
    fn args(&self, brokers: &str, rounds: u32) -> Vec<String> {
        let mut args: Vec<String> = self.args.iter().map(|arg| (*arg).to_owned()).collect();
        args.extend(self.on_kafka.then(|| format!("--brokers={brokers}")));
        args.extend((!self.counted).then(|| format!("--rounds={rounds}")));
        args
    }
}

/// Measures all, and says at the end what failed.
///
/// # Errors
/// There is no Kafka, or something failed.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let cluster = Cluster::find_or_start(plan.brokers.as_deref())?;
    let program = env::current_exe().context("this program's own file cannot be found")?;
    let mut failed = Vec::new();
    for part in ALL.iter().filter(|part| !(part.counted && plan.no_counts)) {
        let args = part.args(cluster.brokers(), plan.rounds);
        let called = args.join(" ");
        eprintln!("{called} begins");
        let begun = Instant::now();
        let mut measuring = Command::new(&program);
        measuring.args(&args).stdin(Stdio::null());
        let status = measuring.status().with_context(|| format!("{called} cannot be started"))?;
        eprintln!("{called} took {:.0?}: {status}", begun.elapsed());
        if !status.success() {
            failed.push(called);
        }
    }
    ensure!(failed.is_empty(), "these failed, and the rest was measured: {}", failed.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::Cli;

    #[test]
    fn each_of_all_is_a_command_of_this_program() {
        for part in ALL {
            let args = part.args("a:1", 3);
            let called = ["payflow-bench".to_owned()].into_iter().chain(args.clone());
            assert!(Cli::try_parse_from(called).is_ok(), "{args:?}");
        }
    }
}
