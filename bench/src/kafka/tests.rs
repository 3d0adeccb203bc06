//! Every contender drains a topic whole and commits what it drained, on a real broker.

use clap::Parser;
use payflow_core::Topic;

use super::cluster::{find, fresh_name, records_left};
use super::report::runtime;
use super::{
    Awaited, Consume, Drain, Fill, Latency, consume, fill, latency, poll_floor, produce, queue_floor,
};

#[derive(Debug, Parser)]
enum Cli {
    Fill(Fill),
    Consume(Consume),
    PollFloor(Drain),
    QueueFloor(Drain),
    Produce(Awaited),
    Latency(Latency),
}

fn run(args: &[&str]) -> anyhow::Result<()> {
    match Cli::parse_from([&["bench"], args].concat()) {
        Cli::Fill(told) => fill(&told),
        Cli::Consume(told) => consume(&told),
        Cli::PollFloor(told) => poll_floor(&told),
        Cli::QueueFloor(told) => queue_floor(&told),
        Cli::Produce(told) => produce(&told),
        Cli::Latency(told) => latency(&told),
    }
}

struct Filled {
    brokers: String,
    topic: String,
}

impl Filled {
    /// 1,000 records.
    fn new() -> Self {
        Self::with(1_000)
    }

    fn with(messages: u32) -> Self {
        let brokers = std::env::var("PAYFLOW_TEST_BROKERS")
            .expect("PAYFLOW_TEST_BROKERS names the broker: cargo xtask test starts one and sets it");
        let filled = Self { brokers, topic: fresh_name("test") };
        filled.run(&["fill", &format!("--messages={messages}"), "--partitions=3", "--headers"]).unwrap();
        filled
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<()> {
        let (brokers, topic) = (format!("--brokers={}", self.brokers), format!("--topic={}", self.topic));
        let (command, others) = args.split_first().expect("a command");
        run(&[&[*command, &brokers, &topic], others].concat())
    }

    fn left(&self, group: &str) -> u64 {
        let topic = Topic::parse(&self.topic).unwrap();
        let found = runtime().unwrap().block_on(find(&self.brokers, &topic)).unwrap();
        records_left(&self.brokers, &found, group).unwrap()
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn every_contender_drains_and_commits_all() {
    let filled = Filled::new();
    for args in [
        &["consume"][..],
        &["consume", "--order=partition", "--handler-ms=1", "--in-flight=500", "--shards=1"],
        &["consume", "--unbounded"],
        &["poll-floor"],
        &["poll-floor", "--headers"],
        &["queue-floor"],
        &["queue-floor", "--headers"],
    ] {
        let group = fresh_name("group");
        assert_eq!(filled.left(&group), 1_000, "{args:?}");
        filled.run(&[args, &[&format!("--group={group}")]].concat()).unwrap();
        assert_eq!(filled.left(&group), 0, "{args:?}");
        assert!(
            filled.run(&[args, &[&format!("--group={group}")]].concat()).is_err(),
            "nothing is left: {args:?}"
        );
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn every_producer_sends_all() {
    let filled = Filled::new();
    for client in ["--client=payflow", "--client=future"] {
        filled.run(&["produce", "--messages=50", "--concurrency=7", client]).unwrap();
    }
    // One more each, by which the connection is made.
    assert_eq!(filled.left(&fresh_name("group")), 1_000 + 2 * 51);
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn every_path_brings_all_to_its_handler() {
    for args in [
        &["latency", "--path=payflow", "--rate=100"][..],
        &["latency", "--path=bare", "--rate=100"],
        &["latency", "--path=payflow", "--window=10"],
        &["latency", "--path=bare", "--window=10"],
    ] {
        let empty = Filled::with(0);
        empty.run(&[args, &["--seconds=1"]].concat()).unwrap();
        // 64 by which the way is tried; at a steady pace so many a second for two seconds.
        let sent = empty.left(&fresh_name("group")) - 64;
        assert!(sent > 0 && (sent == 200 || args[2] != "--rate=100"), "{args:?}: {sent}");
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn what_cannot_be_measured_is_told() {
    let filled = Filled::new();
    let error = filled.run(&["fill", "--partitions=4"]).unwrap_err().to_string();
    assert!(error.contains("has 3 partitions"), "{error}");

    let error = filled.run(&["latency"]).unwrap_err().to_string();
    assert!(error.contains("holds 1000 records"), "{error}");

    let nowhere = format!("--topic={}", fresh_name("nowhere"));
    for command in ["consume", "poll-floor", "queue-floor"] {
        let error =
            run(&[command, &format!("--brokers={}", filled.brokers), &nowhere]).unwrap_err().to_string();
        assert!(error.contains("payflow-bench fill"), "{error}");
    }
}
