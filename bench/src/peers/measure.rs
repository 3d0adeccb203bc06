//! Measures all of them in turn, and prints payflow's figures beside each.

use std::process::Command;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use payflow_core::Topic;

use super::build::Built;
use super::contender::{Drained, Load, Peer, run};
use crate::dispatch::name;
use crate::http::{Run, Serve, Timing};
use crate::kafka::{Cluster, fresh_name, parse_brokers};
use crate::rounds::{Pair, print};

/// What to measure, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Kafka's brokers: HOST:PORT, several with commas between. Without it a Kafka of its own is started.
    #[arg(long, value_parser = parse_brokers)]
    brokers: Option<String>,
    /// Start three brokers, with three copies of each record.
    #[arg(long, conflicts_with = "brokers")]
    three: bool,
    /// What to measure; said several times, each of them.
    #[arg(long, value_enum, default_values = ["consume", "wait", "pay"])]
    part: Vec<Part>,
    /// Whom to measure payflow beside where a topic is drained; said several times, each of them [default: all].
    #[arg(long, value_enum)]
    peer: Vec<Peer>,
    /// How many times all are measured in turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How many records a topic holds that is drained. Parallel consumer drains a tenth of them, since it takes so long.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10..))]
    messages: u64,
    #[command(flatten)]
    timing: Timing,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Draining a topic, with a handler that does nothing.
    Consume,
    /// Draining a tenth of it, with a handler that waits 10 ms, 1,000 of them at once.
    Wait,
    /// POST /pay beside Gin and kafka-go. Needs wrk.
    Pay,
}

/// Builds the peers, measures, and prints the figures.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let built = Built::here()?;
    if plan.part.contains(&Part::Pay) || plan.peers().any(Peer::is_go) {
        built.build_go()?;
    }
    if plan.part.iter().any(|part| *part != Part::Pay)
        && plan.peers().any(|peer| peer == Peer::ParallelConsumer)
    {
        built.build_java()?;
    }
    let cluster = Cluster::with_three(plan.three, plan.brokers.as_deref())?;
    let topic = Topic::parse(&fresh_name("peers"))?;
    cluster.fill(&topic, plan.messages, false)?;
    for part in &plan.part {
        match part {
            Part::Consume => plan.drain(&built, &cluster, &topic, *part)?,
            Part::Wait => plan.drain(&built, &cluster, &topic, *part)?,
            Part::Pay => plan.pay(&built, &cluster, &topic)?,
        }
    }
    if !cluster.is_own() {
        eprintln!("topic {topic} is left there");
    }
    Ok(())
}

/// What is compared: its name, its unit, and where it stands.
type Column<T> = (&'static str, &'static str, fn(&T) -> f64);

const DRAINED: &[Column<Drained>] = &[
    ("rate", "records/s", Drained::rate),
    ("cpu", "s/1M", Drained::processor_per_million),
    ("rss", "MiB", |drained| drained.peak_mib),
];

const SERVED: &[Column<Run>] = &[
    ("rate", "requests/s", |run| run.requests_per_second),
    ("cpu", "us/request", |run| run.processor_per_request),
    ("rss", "MiB", |run| run.peak_mib),
];

impl Plan {
    /// Payflow is none of them: it is measured in any case.
    fn peers(&self) -> impl Iterator<Item = Peer> {
        let told: &[Peer] = if self.peer.is_empty() { Peer::value_variants() } else { &self.peer };
        told.iter().copied().filter(|peer| *peer != Peer::Payflow)
    }

    fn drain(&self, built: &Built, cluster: &Cluster, topic: &Topic, part: Part) -> anyhow::Result<()> {
        let one_by_one = |peer: &Peer| matches!(peer, Peer::PollFloor | Peer::FranzPlain | Peer::Watermill);
        // One record after another, 10 ms each, would take a quarter of an hour.
        let peers: Vec<Peer> =
            self.peers().filter(|peer| part == Part::Consume || !one_by_one(peer)).collect();
        let arms = || [Peer::Payflow].into_iter().chain(peers.iter().copied()).chain([Peer::Payflow]);
        let mut rounds = Vec::new();
        for number in 1..=self.rounds {
            let round = arms().map(|peer| {
                let load = self.load(cluster, topic, part, peer);
                let drained = run(peer.command(built, &load)?, load.messages)?;
                eprintln!("round {number}: {} {:.0} records/s", name(peer), drained.rate());
                Ok(drained)
            });
            rounds.push(round.collect::<anyhow::Result<Vec<Drained>>>()?);
        }
        for (of, unit, value) in DRAINED {
            for (arm, peer) in arms().enumerate().skip(1) {
                let beside = match peer {
                    Peer::Payflow => "control".to_owned(),
                    peer => format!("over-{}", name(peer)),
                };
                let pairs: Vec<Pair> = rounds
                    .iter()
                    .map(|round| Pair { value: value(&round[0]), baseline: value(&round[arm]) })
                    .collect();
                print(&format!("peers-{}-{of}-{beside}", name(part)), unit, &pairs)?;
            }
        }
        Ok(())
    }

    fn load(&self, cluster: &Cluster, topic: &Topic, part: Part, peer: Peer) -> Load {
        let few = part == Part::Wait || peer == Peer::ParallelConsumer;
        let wait = part == Part::Wait;
        Load {
            brokers: cluster.brokers().to_owned(),
            topic: topic.to_string(),
            group: fresh_name("group"),
            messages: if few { self.messages / 10 } else { self.messages },
            handler_ms: if wait { 10 } else { 0 },
            in_flight: wait.then_some(1_000),
        }
    }

    fn pay(&self, built: &Built, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        let own = Serve::on_kafka(cluster.brokers(), topic);
        let gin = || {
            let mut gin = Command::new(built.go());
            gin.arg("gin").arg(format!("--brokers={}", cluster.brokers())).arg(format!("--topic={topic}"));
            gin
        };
        let mut rounds = Vec::new();
        for number in 1..=self.rounds {
            let pay = self.timing.run(&own, "/pay")?;
            let peer = self.timing.run_program(gin(), "/pay")?;
            let again = self.timing.run(&own, "/pay")?;
            eprintln!(
                "round {number}: payflow {:.0} and {:.0}, gin {:.0} requests/s",
                pay.requests_per_second, again.requests_per_second, peer.requests_per_second
            );
            rounds.push([pay, peer, again]);
        }
        ensure!(!rounds.is_empty(), "no round was measured");
        for (of, unit, value) in SERVED {
            let pairs = |arm: usize| -> Vec<Pair> {
                let pair = |round: &[Run; 3]| Pair { value: value(&round[0]), baseline: value(&round[arm]) };
                rounds.iter().map(pair).collect()
            };
            print(&format!("peers-pay-{of}-over-gin"), unit, &pairs(1))?;
            print(&format!("peers-pay-{of}-control"), unit, &pairs(2)).context("control")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Peers {
        #[command(flatten)]
        plan: Plan,
    }

    #[test]
    fn all_are_measured_unless_some_are_named() {
        let plan = Peers::try_parse_from(["peers"]).unwrap().plan;
        assert_eq!(plan.peers().count(), Peer::value_variants().len() - 1);
        let plan = Peers::try_parse_from(["peers", "--peer=watermill", "--peer=payflow"]).unwrap().plan;
        assert_eq!(plan.peers().collect::<Vec<_>>(), [Peer::Watermill]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        assert!(Peers::try_parse_from(["peers", "--three", "--brokers=a:1"]).is_err());
        for bad in ["--peer=kafka", "--part=nothing", "--rounds=0", "--messages=9", "--brokers=a"] {
            assert!(Peers::try_parse_from(["peers", bad]).is_err(), "{bad}");
        }
    }
}
