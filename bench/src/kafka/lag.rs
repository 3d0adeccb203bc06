//! What it takes to catch up with a large backlog: memory, and whether the bounds cost anything.

use anyhow::Context;
use clap::Args;
use payflow_core::Topic;

use super::cluster::{Cluster, fresh_name, parse_brokers};
use super::contender;
use super::report::Report;
use crate::figure::Figure;
use crate::rounds::{Pair, print};
use crate::statistics::median;

/// How large a backlog, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct Lag {
    /// Kafka's brokers: HOST:PORT, several with commas between. Without it a Kafka of its own is started (Java and
    /// Maven are needed).
    #[arg(long, value_parser = parse_brokers)]
    brokers: Option<String>,
    /// How many records there are to catch up with: each takes the broker about 110 bytes of disk.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// How many times the bounded, the unbounded and the bounded run are measured in turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
}

/// Memory above that of a consumer with nothing to do, at most, in MiB.
const ABOVE_IDLE_MAX: f64 = 96.0;

/// Measures and prints what catching up takes.
pub(crate) fn lag(lag: &Lag) -> anyhow::Result<()> {
    let cluster = Cluster::find_or_start(lag.brokers.as_deref())?;
    let topic = Topic::parse(&fresh_name("lag"))?;
    cluster.fill(&topic, lag.messages, false)?;
    let run = |messages: u64, unbounded: bool| {
        let mut args = vec!["consume".to_owned()];
        args.push(format!("--brokers={}", cluster.brokers()));
        args.push(format!("--topic={topic}"));
        args.push(format!("--messages={messages}"));
        args.extend(unbounded.then(|| "--unbounded".to_owned()));
        contender::run(&args, Report::read)
    };
    let idle_topic = Topic::parse(&format!("{topic}-idle"))?;
    cluster.fill(&idle_topic, 1, false)?;
    let idle = || {
        let brokers = format!("--brokers={}", cluster.brokers());
        let args =
            ["consume".to_owned(), brokers, format!("--topic={idle_topic}"), "--messages=1".to_owned()];
        contender::run(&args, Report::read)
    };
    let (mut above, mut rates, mut control) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=lag.rounds {
        let idle = idle()?;
        let bounded = run(lag.messages, false)?;
        let unbounded = run(lag.messages, true)?;
        let again = run(lag.messages, false)?;
        eprintln!(
            "round {number}: idle {:.1} MiB; bounded {:.1} MiB, {:.0} records/s; unbounded {:.1} MiB, {:.0} records/s; bounded {:.0}",
            idle.peak_mib,
            bounded.peak_mib,
            bounded.rate(),
            unbounded.peak_mib,
            unbounded.rate(),
            again.rate()
        );
        above.push(bounded.peak_mib.max(again.peak_mib) - idle.peak_mib);
        rates.push(Pair { value: bounded.rate(), baseline: unbounded.rate() });
        control.push(Pair { value: again.rate(), baseline: bounded.rate() });
    }
    let above = median(above).context("no round was measured")?;
    println!("{}", Figure::new("lag-rss-above-idle", above, "MiB", ABOVE_IDLE_MAX));
    print("lag-rate-over-unbounded", "records/s", &rates)?;
    print("lag-rate-control", "records/s", &control)?;
    if !cluster.is_own() {
        eprintln!("topics {topic} and {idle_topic} are left there");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        lag: Lag,
    }

    #[test]
    fn a_backlog_that_cannot_be_is_refused() {
        assert_eq!(Cli::try_parse_from(["lag"]).unwrap().lag.messages, 10_000_000);
        for bad in ["--messages=0", "--rounds=0", "--brokers=a"] {
            assert!(Cli::try_parse_from(["lag", bad]).is_err(), "{bad}");
        }
    }
}
