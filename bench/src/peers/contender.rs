//! A program that drains a topic, measured from outside, whatever it is written in.

use std::env;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::build::Built;
use crate::dispatch::name;
use crate::usage;

/// Who drains the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Peer {
    /// Payflow's consumer and pipeline, in key order, decoding exactly.
    Payflow,
    /// A bare loop around librdkafka's `poll`.
    PollFloor,
    /// franz-go, a fixed number of goroutines, records handed to them by the hash of the key.
    FranzKeyed,
    /// franz-go, one record after another.
    FranzPlain,
    /// kafka-go, a goroutine for each message, in no order.
    KafkaGo,
    /// Watermill's Kafka subscriber.
    Watermill,
    /// Confluent's parallel consumer, in key order.
    ParallelConsumer,
}

/// What to drain, and how.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) brokers: String,
    pub(super) topic: String,
    pub(super) group: String,
    pub(super) messages: u64,
    pub(super) handler_ms: u64,
    /// How many handlers run at once [default: as many as suit the contender].
    pub(super) in_flight: Option<u32>,
}

impl Peer {
    pub(super) const fn is_go(self) -> bool {
        matches!(self, Self::FranzKeyed | Self::FranzPlain | Self::KafkaGo | Self::Watermill)
    }

    /// The program, told what to do.
    ///
    /// # Errors
    /// This program's own file cannot be found.
    pub(super) fn command(self, built: &Built, load: &Load) -> anyhow::Result<Command> {
        let mut command = match self {
            Self::Payflow => own("consume")?,
            Self::PollFloor => own("poll-floor")?,
            Self::FranzKeyed | Self::FranzPlain | Self::KafkaGo | Self::Watermill => {
                let mut command = Command::new(built.go());
                command.arg(name(self));
                command
            }
            Self::ParallelConsumer => {
                let mut command = Command::new("java");
                command.arg("-cp").arg(built.class_path()).arg("ParallelConsumer");
                command
            }
        };
        command
            .arg(format!("--brokers={}", load.brokers))
            .arg(format!("--topic={}", load.topic))
            .arg(format!("--group={}", load.group))
            .arg(format!("--messages={}", load.messages))
            .arg(format!("--handler-ms={}", load.handler_ms));
        if let Some(in_flight) = load.in_flight {
            command.arg(format!("--in-flight={in_flight}"));
        }
        Ok(command)
    }
}

fn own(subcommand: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe().context("this program's own file cannot be found")?);
    command.arg(subcommand);
    Ok(command)
}

/// What a run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Drained {
    messages: u64,
    /// As the program tells: from the first record to the last.
    seconds: f64,
    /// Of the whole process, from its start to its end.
    processor: Duration,
    /// The most memory that was resident at once.
    pub(super) peak_mib: f64,
}

impl Drained {
    /// Records a second.
    pub(super) fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Seconds of processor time for a million records.
    pub(super) fn processor_per_million(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.messages as f64
    }
}

/// Runs a program to its end, and looks at it from outside.
///
/// # Errors
/// It cannot be started, fails, prints no line to be read, or drained another number of records.
pub(super) fn run(mut command: Command, messages: u64) -> anyhow::Result<Drained> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} cannot be started"))?;
    let watched = watch(&mut child);
    if watched.is_err() {
        // It may have ended by itself; then there is nothing to do.
        let _ = child.kill();
    }
    let status = child.wait().with_context(|| format!("{command:?} cannot be waited for"))?;
    let Watched { printed, processor, peak_mib } = watched?;
    ensure!(status.success(), "{command:?} failed ({status})");
    let (drained, seconds) =
        last_line(&printed).with_context(|| format!("{command:?} did not end with its line:\n{printed}"))?;
    ensure!(drained == messages, "{command:?} drained {drained} records of {messages}");
    Ok(Drained { messages, seconds, processor, peak_mib })
}

struct Watched {
    printed: String,
    processor: Duration,
    peak_mib: f64,
}

/// Looks at a program until it has ended, and does not yet let the system forget what it used.
fn watch(child: &mut Child) -> anyhow::Result<Watched> {
    let process = child.id().to_string();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the program has no number")?;
    let mut stdout = child.stdout.take().context("the program has no output")?;
    let reading = thread::spawn(move || {
        let mut printed = String::new();
        stdout.read_to_string(&mut printed).map(|_| printed)
    });
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let mut peak_mib = 0.0;
    while waitid(WaitId::Pid(pid), options)?.is_none() {
        // The system keeps the most, so that only what the last moments added could be missed; when the program has
        // ended, it tells no more.
        if let Ok(now) = usage::peak_resident_mib(&process) {
            peak_mib = now;
        }
        thread::sleep(LOOK);
    }
    let processor = usage::processor_time_of(&process)?;
    let printed = reading.join().map_err(|_| anyhow::anyhow!("the reading thread panicked"))?;
    Ok(Watched { printed: printed.context("the program's output cannot be read")?, processor, peak_mib })
}

const LOOK: Duration = Duration::from_millis(10);

/// `messages=N seconds=S`, by which every contender ends.
fn last_line(printed: &str) -> Option<(u64, f64)> {
    let (messages, seconds) = printed.lines().last()?.strip_prefix("messages=")?.split_once(" seconds=")?;
    let seconds = seconds.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0)?;
    Some((messages.parse().ok()?, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_last_line_is_read() {
        assert_eq!(last_line("anything\nmessages=12 seconds=0.5\n"), Some((12, 0.5)));
        for printed in [
            "",
            "messages=12",
            "messages=12 seconds=",
            "messages=12 seconds=0",
            "messages=12 seconds=NaN",
            "messages=-1 seconds=1",
            "messages=12 seconds=1\nand more",
        ] {
            assert_eq!(last_line(printed), None, "{printed}");
        }
    }

    #[test]
    fn a_program_is_measured_from_outside() {
        let work = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo messages=1000000 seconds=0.5";
        let drained = run(shell(work), 1_000_000).unwrap();
        assert!(drained.processor > Duration::ZERO);
        assert!(drained.peak_mib > 0.0);
        assert_eq!(drained.rate(), 2e6);
        assert_eq!(drained.processor_per_million(), drained.processor.as_secs_f64());
    }

    #[test]
    fn a_program_that_fails_or_drains_another_number_is_an_error() {
        for (script, told) in [
            ("exit 3", "failed"),
            ("echo done", "did not end with its line"),
            ("echo messages=9 seconds=1", "drained 9 records of 10"),
        ] {
            let error = format!("{:#}", run(shell(script), 10).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
        assert!(run(Command::new("payflow-no-such-program"), 1).is_err());
    }

    #[test]
    fn every_peer_is_told_the_same() {
        let built = Built::here().unwrap();
        let load = Load {
            brokers: "a:1".to_owned(),
            topic: "t".to_owned(),
            group: "g".to_owned(),
            messages: 7,
            handler_ms: 10,
            in_flight: Some(1_000),
        };
        for &peer in Peer::value_variants() {
            let command = peer.command(&built, &load).unwrap();
            let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
            let told = [
                "--brokers=a:1",
                "--topic=t",
                "--group=g",
                "--messages=7",
                "--handler-ms=10",
                "--in-flight=1000",
            ];
            assert!(args.ends_with(&told.map(str::to_owned)), "{peer:?}: {args:?}");
        }
    }
}
