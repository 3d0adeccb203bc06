//! Measures everything on Kafka, and prints the figures.

mod latency;
mod partitions;
mod pay_latency;

use anyhow::Context;
use clap::{Args, ValueEnum};
use payflow_core::Topic;

use super::awaited::{Awaited, ClientKind};
use super::cluster::{Cluster, fresh_name, parse_brokers};
use super::contender;
use super::drain::MESSAGES;
use super::report::Report;
use crate::dispatch::{OrderKind, name};
use crate::figure::Figure;
use crate::http::{Run, Serve, Timing};
use crate::rounds::{Pair, print};
use crate::statistics::{Total, per_message, range};
use crate::valgrind::{Count, count};

/// What to measure, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Kafka's brokers: HOST:PORT, several with commas between. Without it a Kafka of its own is started (Java and
    /// Maven are needed).
    #[arg(long, value_parser = parse_brokers)]
    brokers: Option<String>,
    /// Start three brokers, with three copies of each record.
    #[arg(long, conflicts_with = "brokers")]
    three: bool,
    /// What to measure; said several times, each of them.
    #[arg(long, value_enum, default_values = ["consume", "pay", "pay-latency", "produce", "latency"])]
    part: Vec<Part>,
    /// How many times all contenders are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How many records a topic holds that is drained.
    #[arg(long, default_value_t = MESSAGES, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Drain records with the headers that payflow's front door writes; all sides look at each.
    #[arg(long)]
    headers: bool,
    /// Drain without decoding, on all sides: the handler is given the bytes.
    #[arg(long)]
    bytes: bool,
    /// How many payments are sent one after another.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    sends: u64,
    /// What payflow handles one after another.
    #[arg(long, value_enum, default_value = "key")]
    order: OrderKind,
    #[command(flatten)]
    timing: Timing,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// `consume` beside `poll-floor` and `queue-floor`.
    Consume,
    /// POST /pay beside a bare axum handler with a `FutureProducer`, and beside an echo. Needs wrk.
    Pay,
    /// POST /pay at half of the maximum, at even steps, beside the same axum handler.
    PayLatency,
    /// `produce` beside the same by a `FutureProducer`.
    Produce,
    /// From a producer to a handler at 20 % and 70 % of the maximum, beside a `FutureProducer` and a bare poll loop.
    Latency,
    /// Instructions and allocations a record of `consume`, `poll-floor` and `queue-floor`. Needs valgrind, and minutes.
    Counts,
    /// Instructions a record of `consume` on a topic of 64 partitions of which 63 are empty, beside one with one. Needs valgrind.
    Partitions,
}

/// Measures and prints the figures on Kafka.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let cluster = Cluster::with_three(plan.three, plan.brokers.as_deref())?;
    for part in &plan.part {
        let topic = Topic::parse(&fresh_name(&name(*part)))?;
        match part {
            Part::Consume => plan.consume(&cluster, &topic)?,
            Part::Pay => plan.pay(&cluster, &topic)?,
            Part::PayLatency => plan.pay_latency(&cluster, &topic)?,
            Part::Partitions => plan.partitions(&cluster, &topic)?,
            Part::Produce => plan.produce(&cluster, &topic)?,
            Part::Latency => plan.latency(&cluster)?,
            Part::Counts => plan.counts(&cluster, &topic)?,
        }
        if !cluster.is_own() {
            eprintln!("topics that begin with bench-{} are left there", name(*part));
        }
    }
    Ok(())
}

impl Plan {
    fn consume(&self, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        cluster.fill(topic, self.messages, self.headers)?;
        let run = |name| contender::run(&self.drain(name, cluster, topic, self.messages), Report::read);
        let rounds = self.rounds(|| {
            let arms = ["consume", "poll-floor", "queue-floor", "poll-floor", "queue-floor"];
            let [consume, poll, queue, poll_again, queue_again] = each(arms, run)?;
            eprintln!(
                "consume {:.0}, poll floor {:.0} and {:.0}, queue floor {:.0} and {:.0} records/s",
                consume.rate(),
                poll.rate(),
                poll_again.rate(),
                queue.rate(),
                queue_again.rate()
            );
            Ok([consume, poll, queue, poll_again, queue_again])
        })?;
        let drained = self.drained();
        for (of, unit, value) in DRAINED {
            let pairs = |arm: usize, baseline: usize| pairs(&rounds, arm, baseline, *value);
            print(&format!("kafka-{drained}-{of}-over-poll"), unit, &pairs(0, 1))?;
            print(&format!("kafka-{drained}-{of}-over-queue"), unit, &pairs(0, 2))?;
            print(&format!("kafka-poll-{of}-control"), unit, &pairs(3, 1))?;
            print(&format!("kafka-queue-{of}-control"), unit, &pairs(4, 2))?;
        }
        Ok(())
    }

    fn pay(&self, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        cluster.fill(topic, 0, false)?;
        let payflow = Serve::on_kafka(cluster.brokers(), topic);
        let bare = Serve::bare(cluster.brokers(), topic);
        let rounds = self.rounds(|| {
            let arms = [(&payflow, "/pay"), (&bare, "/pay"), (&payflow, "/echo"), (&bare, "/pay")];
            let [pay, bare, echo, bare_again] = each(arms, |(serve, path)| self.timing.run(serve, path))?;
            eprintln!(
                "pay {:.0}, bare {:.0} and {:.0}, echo {:.0} requests/s",
                pay.requests_per_second,
                bare.requests_per_second,
                bare_again.requests_per_second,
                echo.requests_per_second
            );
            Ok([pay, bare, echo, bare_again])
        })?;
        for (of, unit, value) in SERVED {
            let pairs = |arm: usize, baseline: usize| pairs(&rounds, arm, baseline, *value);
            print(&format!("kafka-pay-{of}-over-bare"), unit, &pairs(0, 1))?;
            print(&format!("kafka-pay-{of}-over-echo"), unit, &pairs(0, 2))?;
            print(&format!("kafka-bare-{of}-control"), unit, &pairs(3, 1))?;
        }
        Ok(())
    }

    fn produce(&self, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        cluster.fill(topic, 0, false)?;
        let run = |client| {
            let args = Awaited::new(cluster.brokers(), topic, self.sends, client).args();
            contender::run(&args, Report::read)
        };
        let rounds = self.rounds(|| {
            let arms = [ClientKind::Payflow, ClientKind::Future, ClientKind::Future];
            let [payflow, future, again] = each(arms, run)?;
            eprintln!(
                "payflow {:.0}, FutureProducer {:.0} and {:.0} sends/s",
                payflow.rate(),
                future.rate(),
                again.rate()
            );
            Ok([payflow, future, again])
        })?;
        // One at a time: as many a second as round trips fit into it, at best.
        let efficiency = |report: &Report| report.rate() * report.round_trip_us.unwrap_or(f64::NAN) / 1e6;
        let own = rounds.iter().map(|[payflow, ..]| Pair { value: efficiency(payflow), baseline: 1.0 });
        print("kafka-produce-await-efficiency", "sends/round-trip", &own.collect::<Vec<_>>())?;
        for (of, unit, value) in SENT {
            let pairs = |arm: usize, baseline: usize| pairs(&rounds, arm, baseline, *value);
            print(&format!("kafka-produce-{of}-over-future"), unit, &pairs(0, 1))?;
            print(&format!("kafka-future-{of}-control"), unit, &pairs(2, 1))?;
        }
        Ok(())
    }

    fn counts(&self, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        let loads = FEWER_AND_MORE.map(|messages| (messages, format!("{topic}-{messages}")));
        for (messages, topic) in &loads {
            cluster.fill(&Topic::parse(topic)?, *messages, self.headers)?;
        }
        let one = |what, name: &str| {
            let totals = each(loads.each_ref(), |(messages, topic)| {
                let args = self.drain(name, cluster, &Topic::parse(topic)?, *messages);
                Ok(Total { messages: *messages, used: count(what, &args)? })
            });
            let [fewer, more] = totals?;
            eprintln!("{name}: {what:?}, {:.1} a record", per_message(fewer, more));
            Ok(per_message(fewer, more))
        };
        for (what, of, unit, times) in COUNTED {
            let least = |name: &&str| {
                let counts = (0..*times).map(|_| one(*what, name)).collect::<anyhow::Result<Vec<_>>>()?;
                // What a busy machine adds, wake-ups and waits for locks, it adds now and then.
                range(counts).map(|range| range.least).context("nothing was counted")
            };
            let [consume, poll, queue] = each(["consume", "poll-floor", "queue-floor"], |name| least(&name))?;
            let drained = self.drained();
            println!("{}", Figure::new(format!("kafka-{drained}-{of}-over-poll"), consume, unit, poll));
            println!("{}", Figure::new(format!("kafka-{drained}-{of}-over-queue"), consume, unit, queue));
        }
        Ok(())
    }

    /// What to start this program with, so that it drains a topic.
    fn drain(&self, contender: &str, cluster: &Cluster, topic: &Topic, messages: u64) -> Vec<String> {
        let mut args = vec![
            contender.to_owned(),
            format!("--brokers={}", cluster.brokers()),
            format!("--topic={topic}"),
            format!("--messages={messages}"),
            format!("--order={}", name(self.order)),
        ];
        args.extend(self.bytes.then(|| "--bytes".to_owned()));
        args.extend(self.headers.then(|| "--headers".to_owned()));
        args
    }

    /// What the figures of payflow's side are called.
    const fn drained(&self) -> &'static str {
        if self.bytes { "bytes" } else { "consume" }
    }

    fn rounds<const N: usize, T>(
        &self,
        mut round: impl FnMut() -> anyhow::Result<[T; N]>,
    ) -> anyhow::Result<Vec<[T; N]>> {
        let number = |number| move || format!("round {number} of {}", self.rounds);
        (1..=self.rounds).map(|count| round().with_context(number(count))).collect()
    }
}

/// Topics of which each is drained as a whole: the difference of the totals is that of so many records.
const FEWER_AND_MORE: [u64; 2] = [50_000, 150_000];

/// What is counted: by which tool, its name, its unit, and how many times.
const COUNTED: &[(Count, &str, &str, u32)] = &[
    (Count::Instructions, "instructions", "instructions/record", 3),
    (Count::Allocations, "allocations", "allocations/record", 1),
];

/// What is compared: its name, its unit, and where it stands.
type Column<T> = (&'static str, &'static str, fn(&T) -> f64);

const DRAINED: &[Column<Report>] = &[
    ("cpu", "s/1M", |report| report.processor_per_million),
    ("rate", "records/s", Report::rate),
    ("rss", "MiB", |report| report.peak_mib),
];

const SERVED: &[Column<Run>] = &[
    ("rate", "requests/s", |run| run.requests_per_second),
    ("cpu", "us/request", |run| run.processor_per_request),
    ("rss", "MiB", |run| run.peak_mib),
];

const SENT: &[Column<Report>] = &[
    ("rate", "sends/s", Report::rate),
    ("round-trip", "us", |report| report.round_trip_us.unwrap_or(f64::NAN)),
    ("cpu", "s/1M", |report| report.processor_per_million),
];

fn pairs<const N: usize, T>(
    rounds: &[[T; N]],
    arm: usize,
    baseline: usize,
    of: impl Fn(&T) -> f64,
) -> Vec<Pair> {
    rounds.iter().map(|round| Pair { value: of(&round[arm]), baseline: of(&round[baseline]) }).collect()
}

/// Runs one arm after another, up to the first that fails.
fn each<const N: usize, A, T>(arms: [A; N], run: impl Fn(A) -> anyhow::Result<T>) -> anyhow::Result<[T; N]> {
    let runs = arms.into_iter().map(run).collect::<anyhow::Result<Vec<T>>>()?;
    runs.try_into().ok().context("a run is missing")
}
