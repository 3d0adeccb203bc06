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
}

/// What is measured, and whether on Kafka.
const ALL: &[(&[&str], bool)] = &[
    (&["core"], false),
    (&["offsets"], false),
    (&["held"], false),
    (&["http"], false),
    (&["waiting"], false),
    (&["kafka"], true),
    (&["kafka", "--part=consume", "--headers", "--rounds=3"], true),
    (&["kafka", "--part=counts", "--part=partitions"], true),
    (&["peers"], true),
];

/// Measures all, and says at the end what failed.
///
/// # Errors
/// There is no Kafka, or something failed.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let cluster = Cluster::find_or_start(plan.brokers.as_deref())?;
    let program = env::current_exe().context("this program's own file cannot be found")?;
    let mut failed = Vec::new();
    for (args, on_kafka) in ALL {
        let called = args.join(" ");
        eprintln!("{called} begins");
        let begun = Instant::now();
        let mut measuring = Command::new(&program);
        measuring.args(*args).stdin(Stdio::null());
        if *on_kafka {
            measuring.arg(format!("--brokers={}", cluster.brokers()));
        }
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
        for (args, on_kafka) in ALL {
            let brokers = on_kafka.then_some("--brokers=a:1");
            let args = ["payflow-bench"].iter().chain(*args).copied().chain(brokers);
            assert!(Cli::try_parse_from(args.clone()).is_ok(), "{:?}", args.collect::<Vec<_>>());
        }
    }
}
