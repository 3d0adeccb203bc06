//! What goes wrong is told on standard error, where no terminal shows a bar.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use payflow_parts::KafkaBroker;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::harness::{Stage, ended_within, signal};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn sends_that_fail_are_told_with_a_remedy_where_there_is_no_terminal() {
    // Killed, which the shared one must not be.
    let mut broker = KafkaBroker::start().expect("a broker");
    let stage = Stage::at(broker.brokers().to_owned(), 1).await;
    stage.set_many_aside(100).await;
    let mut redriving = stage
        .payflow(&["dead-letters", "redrive", "--yes", "--first", "--json", "--rate", "20"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let told = BufReader::new(redriving.stderr.take().expect("piped")).lines();
    let (into, lines) = mpsc::channel();
    thread::spawn(move || told.map_while(Result::ok).try_for_each(|line| into.send(line)));
    while stage.back().await.len() < 20 {}

    broker.kill();
    let trouble = loop {
        let line = lines.recv_timeout(PATIENCE).expect("the trouble is told");
        if line.starts_with("trying again: ") {
            break line;
        }
    };
    assert!(trouble.contains("look whether Kafka is up"), "{trouble}");
    signal(&redriving, "TERM");
    let ended = ended_within(&mut redriving, PATIENCE).expect("it ends when it is told to");
    assert_eq!(ended.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_the_libraries_warn_of_is_told() {
    let stage = Stage::new(1).await;
    stage.set_many_aside(3).await;
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", &stage.brokers).set("group.id", stage.group());
    let other: BaseConsumer = config.create().expect("a client");
    let mut commits = TopicPartitionList::new();
    commits.add_partition_offset(stage.dead.as_str(), 0, Offset::Offset(1)).expect("an offset");
    commits.elements()[0].set_metadata("another program's");
    other.commit(&commits, CommitMode::Sync).expect("a broker");

    let redriven = stage.run(&["dead-letters", "redrive", "--yes", "--json"]);

    assert_eq!(redriven.code, Some(0), "{redriven:?}");
    let warning = redriven.err.lines().find(|line| line.contains("commit metadata is ignored"));
    assert!(warning.expect("a warning").contains(" WARN "), "{redriven:?}");
    assert_eq!(redriven.json().len(), 1, "standard output holds JSON alone");
}
