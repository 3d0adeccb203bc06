//! Measures payflow, run as `payflow-bench`: every figure in `docs/performance.md` comes out of it.
//!
//! A figure is one line, `name value unit baseline ratio`, on standard output; what is going on is told on standard
//! error. The ratio is value over baseline; which way is better, and how far it must go, the document says.

#![deny(unsafe_code)]

mod dispatch;
mod everything;
mod figure;
mod grpc;
mod held;
mod http;
mod kafka;
mod offsets;
mod peers;
mod rounds;
mod schedule;
mod statistics;
mod usage;
mod valgrind;
mod waiting;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};

/// Measures payflow. Build it with `--release`.
///
/// `core`, `offsets`, `held`, `http`, `grpc`, `waiting`, `kafka`, `peers` and `lag` measure all of a kind, and print one line a figure: name,
/// value, unit, baseline, ratio (value over baseline). The others are single runs, to be set beside other clients on the same topic.
#[derive(Debug, Parser)]
#[command(name = "payflow-bench", after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Everything on Kafka, on a broker of its own:
      payflow-bench kafka
  Payflow and the floors on one topic of a broker that is there:
      payflow-bench fill --brokers 127.0.0.1:9092 --topic bench --messages 1000000
      payflow-bench consume --brokers 127.0.0.1:9092 --topic bench
      payflow-bench poll-floor --brokers 127.0.0.1:9092 --topic bench
      payflow-bench queue-floor --brokers 127.0.0.1:9092 --topic bench
  All that needs a machine which does nothing else, in about 18 minutes:
      payflow-bench everything --no-counts --rounds 3
  One part, as often as the noise needs:
      payflow-bench kafka --part latency --rounds 11
      payflow-bench peers --part consume --peer franz-keyed --rounds 7
      payflow-bench grpc --part notify --rounds 11
  Records sent at even steps, to be set beside `--path bare` (each run on a topic of its own):
      payflow-bench fill --brokers 127.0.0.1:9092 --topic empty --messages 0
      payflow-bench latency --brokers 127.0.0.1:9092 --topic empty --rate 20000
  A handler that waits 10 ms, 1,000 of them at once:
      payflow-bench consume --brokers 127.0.0.1:9092 --topic bench --messages 100000 --handler-ms 10 --in-flight 1000";

#[derive(Debug, Subcommand)]
enum Command {
    /// Instructions and allocations per message through the pipeline, without a transport. Needs valgrind.
    Core(dispatch::Plan),
    /// The program that `core` measures: one pipeline, one load, nothing else.
    #[command(hide = true)]
    CoreRun(dispatch::Load),
    /// What it costs to remember what finished behind a record that is stuck. Needs valgrind.
    Offsets(offsets::Plan),
    /// The program that `offsets` measures: one tracker, nothing else.
    #[command(hide = true)]
    OffsetsRun(offsets::Stuck),
    /// Bytes for a message whose handler waits, with 100,000 of them. Needs valgrind.
    Held(held::Plan),
    /// The program that `held` measures: one pipeline, all at once, nothing else.
    #[command(hide = true)]
    HeldRun(held::Held),
    /// Handlers that wait 10 ms, 100 and 1,000 at once: the pipeline beside `buffer_unordered`, without a transport.
    Waiting(waiting::Plan),
    /// POST /pay beside an echo on the same server: rate and processor time. Needs wrk.
    Http(http::Plan),
    /// The server that `http`, `grpc` and `kafka` measure: serves until its standard input ends.
    #[command(hide = true)]
    HttpServe(http::Serve),
    /// Pay over gRPC beside a hello-world on the same server, and payflow's client of Notify beside a bare one.
    Grpc(grpc::Plan),
    /// The load of `grpc`: one kind of call, nothing else.
    #[command(hide = true)]
    GrpcLoad(grpc::Load),
    /// Everything on Kafka: consuming beside the floors, POST /pay beside a bare handler, awaited sends.
    Kafka(kafka::Plan),
    /// All of these one after the other, on one Kafka, but not `lag`. Says at the end what failed.
    ///
    /// About 32 minutes; with `--no-counts --rounds 3` about 18.
    Everything(everything::Plan),
    /// Payflow beside clients in Go and Java, which are built from bench/peers: Go, Java and Maven are needed.
    ///
    /// Each drains the same topic in a process of its own, and is measured from outside: from its start to its end, with
    /// what its runtime takes to start.
    Peers(peers::Plan),
    /// Drain a topic of JSON payments by payflow's consumer and pipeline, decoding exactly and committing.
    ///
    /// Ends with the line `messages=N seconds=S`, from the first record to the last. The line before tells seconds of
    /// processor time for a million messages, from the process's start on, and the most memory that was resident.
    Consume(kafka::Consume),
    /// The same by a bare loop around `BaseConsumer::poll`, decoding into a borrowed struct and committing as often.
    PollFloor(kafka::Drain),
    /// The same by a bare loop around librdkafka's batch call on one queue for all partitions.
    QueueFloor(kafka::Drain),
    /// Send payments, each awaited before the next, and tell the median round trip.
    Produce(kafka::Awaited),
    /// Send payments at even steps, whatever became of those before, and tell how long they take to reach a handler.
    Latency(kafka::Latency),
    /// Catch up with a large backlog: memory above that of an idle consumer, and the rate beside one without bounds.
    ///
    /// 10 million records take the broker more than a gigabyte of disk, and all of it some minutes.
    Lag(kafka::Lag),
    /// Fill a topic with JSON payments.
    Fill(kafka::Fill),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Core(plan) => {
            check_optimised()?;
            dispatch::measure(&plan)
        }
        Command::CoreRun(load) => dispatch::run(&load),
        Command::Offsets(plan) => {
            check_optimised()?;
            offsets::measure(&plan)
        }
        Command::OffsetsRun(stuck) => offsets::run(&stuck),
        Command::Http(plan) => {
            check_optimised()?;
            http::measure(&plan)
        }
        Command::Held(plan) => {
            check_optimised()?;
            held::measure(&plan)
        }
        Command::HeldRun(held) => held::run(&held),
        Command::Waiting(plan) => {
            check_optimised()?;
            waiting::measure(&plan)
        }
        Command::HttpServe(serve) => http::serve(&serve),
        Command::Grpc(plan) => {
            check_optimised()?;
            grpc::measure(&plan)
        }
        Command::GrpcLoad(load) => grpc::load(&load),
        Command::Kafka(plan) => {
            check_optimised()?;
            kafka::measure(&plan)
        }
        Command::Everything(plan) => {
            check_optimised()?;
            everything::measure(&plan)
        }
        Command::Peers(plan) => {
            check_optimised()?;
            peers::measure(&plan)
        }
        Command::Consume(consume) => kafka::consume(&consume),
        Command::PollFloor(drain) => kafka::poll_floor(&drain),
        Command::QueueFloor(drain) => kafka::queue_floor(&drain),
        Command::Produce(awaited) => kafka::produce(&awaited),
        Command::Latency(latency) => kafka::latency(&latency),
        Command::Lag(lag) => {
            check_optimised()?;
            kafka::lag(&lag)
        }
        Command::Fill(fill) => kafka::fill(&fill),
    }
}

/// What is measured is this very program.
fn check_optimised() -> anyhow::Result<()> {
    ensure!(
        !cfg!(debug_assertions),
        "a debug build says nothing about speed: cargo run --release -p payflow-bench -- ..."
    );
    Ok(())
}
