//! Measures how long `POST /pay` takes at half of what both front doors can take.

use anyhow::Context;
use payflow_core::Topic;

use super::{Column, Plan, each, pairs};
use crate::http::{Paced, Serve};
use crate::kafka::cluster::Cluster;
use crate::rounds::print;
use crate::statistics::median;

const ANSWERED: &[Column<Paced>] = &[
    ("p50", "us", |paced| paced.micros.p50),
    ("p99", "us", |paced| paced.micros.p99),
    ("p999", "us", |paced| paced.micros.p999),
];

/// How often each front door is asked for its maximum.
const MAXIMUM_ROUNDS: u32 = 3;

impl Plan {
    pub(super) fn pay_latency(&self, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        cluster.fill(topic, 0, false)?;
        let payflow = Serve::on_kafka(cluster.brokers(), topic);
        let bare = Serve::bare(cluster.brokers(), topic);
        let mut most = Vec::new();
        for _ in 0..MAXIMUM_ROUNDS {
            most.push(each([&payflow, &bare], |serve| self.timing.pace(serve, "/pay", None))?);
        }
        print("kafka-pay-latency-maximum-over-bare", "requests/s", &pairs(&most, 0, 1, |paced| paced.rate))?;
        let middle = |arm: usize| median(most.iter().map(|round| round[arm].rate));
        let both = middle(0).zip(middle(1)).map(|(payflow, bare)| payflow.min(bare));
        let half = both.context("no maximum was measured")? / 2.0;
        // Below 2^53, and above zero.
        let rate = (half as u64).max(1);
        let rounds = self.rounds(|| {
            let [pay, bare, again] =
                each([&payflow, &bare, &bare], |serve| self.timing.pace(serve, "/pay", Some(rate)))?;
            eprintln!(
                "at {rate} requests/s, p99: pay {:.0}, bare {:.0} and {:.0} us",
                pay.micros.p99, bare.micros.p99, again.micros.p99
            );
            Ok([pay, bare, again])
        })?;
        for (of, unit, value) in ANSWERED {
            print(&format!("kafka-pay-latency-{of}-over-bare"), unit, &pairs(&rounds, 0, 1, *value))?;
            print(&format!("kafka-pay-latency-{of}-control"), unit, &pairs(&rounds, 2, 1, *value))?;
        }
        Ok(())
    }
}
