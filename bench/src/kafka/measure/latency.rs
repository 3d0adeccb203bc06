//! Measures how long records are on their way, at paces that both ways can take.

use anyhow::Context;
use payflow_core::Topic;

use super::{Column, Plan, each, pairs};
use crate::kafka::cluster::{Cluster, fresh_name};
use crate::kafka::contender;
use crate::kafka::latency::{Delays, Latency, PathKind};
use crate::rounds::print;
use crate::statistics::median;

/// Parts of the maximum, in percent.
const PACES: [u64; 2] = [20, 70];

/// How often each way is asked for its maximum.
const MAXIMUM_ROUNDS: u32 = 3;

const DELAYED: &[Column<Delays>] = &[
    ("p50", "us", |delays| delays.micros.map_or(f64::NAN, |micros| micros.p50)),
    ("p99", "us", |delays| delays.micros.map_or(f64::NAN, |micros| micros.p99)),
    ("p999", "us", |delays| delays.micros.map_or(f64::NAN, |micros| micros.p999)),
    ("cpu", "s/1M", |delays| delays.processor_per_million),
];

impl Plan {
    pub(super) fn latency(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let maximum = self.maximum(cluster)?;
        for percent in PACES {
            // Below 2^53, and above zero.
            let rate = ((maximum * percent as f64 / 100.0) as u64).max(1);
            let rounds = self.rounds(|| {
                let arms = [PathKind::Payflow, PathKind::Bare, PathKind::Bare];
                let [payflow, bare, again] = each(arms, |path| self.run(cluster, path, Some(rate)))?;
                let p99 = |delays: &Delays| delays.micros.map_or(f64::NAN, |micros| micros.p99);
                eprintln!(
                    "at {rate} records/s, p99: payflow {:.0}, bare {:.0} and {:.0} us",
                    p99(&payflow),
                    p99(&bare),
                    p99(&again)
                );
                Ok([payflow, bare, again])
            })?;
            for (of, unit, value) in DELAYED {
                let pairs = |arm: usize| pairs(&rounds, arm, 1, *value);
                print(&format!("kafka-latency-{percent}-{of}-over-bare"), unit, &pairs(0))?;
                print(&format!("kafka-latency-{percent}-{of}-control"), unit, &pairs(2))?;
            }
        }
        Ok(())
    }

    /// What both ways can take, in records a second.
    fn maximum(&self, cluster: &Cluster) -> anyhow::Result<f64> {
        let mut rounds = Vec::new();
        for _ in 0..MAXIMUM_ROUNDS {
            let arms = [PathKind::Payflow, PathKind::Bare];
            rounds.push(each(arms, |path| self.run(cluster, path, None))?);
        }
        print("kafka-latency-maximum-over-bare", "records/s", &pairs(&rounds, 0, 1, Delays::rate))?;
        let middle = |arm: usize| median(rounds.iter().map(|round| round[arm].rate()));
        let both = middle(0).zip(middle(1)).map(|(payflow, bare)| payflow.min(bare));
        both.context("no maximum was measured")
    }

    /// On a topic of its own, since a new group reads a topic from its beginning.
    fn run(&self, cluster: &Cluster, path: PathKind, rate: Option<u64>) -> anyhow::Result<Delays> {
        let topic = Topic::parse(&fresh_name("latency"))?;
        cluster.fill(&topic, 0, false)?;
        let args = Latency::new(cluster.brokers(), &topic, path, rate, self.timing.seconds()).args();
        contender::run(&args, Delays::read)
    }
}
