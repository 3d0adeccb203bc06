//! One running broker.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::config::{KafkaConfig, LOG4J2, Node, new_cluster_id};
use super::{jars, java};
use crate::listener::listens;
use crate::process::Process;
use crate::scratch::Scratch;

/// The broker's own options: a heap that is enough for tests, and the collector with the fewest threads.
const BROKER_OPTIONS: &[&str] = &["-Xmx512m", "-Xms128m", "-XX:+UseSerialGC"];

/// A tool runs for a second: time spent on compiling it well is lost.
const TOOL_OPTIONS: &[&str] = &["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// A start takes some 3 s, and that of three at once some 10 s; a loaded machine gets twenty times that.
const START_LIMIT: Duration = Duration::from_secs(200);

/// Formatting a data folder takes some 1.5 s.
const FORMAT_LIMIT: Duration = Duration::from_secs(100);

/// A stop takes some 0.6 s. After this the broker is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);

const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Ports are looked up free and taken a moment later: another process may be quicker, but hardly each time.
const STARTS_MAX: u32 = 3;

/// Of the log, in an error.
const TAIL_LINES: usize = 30;

/// A real Apache Kafka of one broker, on free ports of the loopback, with its data in a scratch folder.
///
/// Dropped, the broker is killed and the folder removed. The same happens when the process that holds this value
/// is killed itself: a watchdog notices it (a shell that waits at a pipe from here), so no broker is left behind.
#[derive(Debug)]
#[must_use = "dropped, the broker is killed"]
pub struct KafkaBroker {
    // Dropped first: the process writes into the folder.
    process: Option<Process>,
    node: Node,
    brokers: String,
    libs: PathBuf,
    log: PathBuf,
    scratch: Scratch,
}

impl KafkaBroker {
    /// Starts a broker with the set-up of [`KafkaConfig::new`], and waits until it takes connections.
    ///
    /// Kafka itself is fetched by Maven, once, into [`cache`](crate::cache()); `KAFKA_LIBS` names a folder of jars
    /// that is used instead. Blocks: about 5 s, and as much again the first time.
    ///
    /// # Errors
    ///
    /// Java or Maven is missing: the error names the command that installs it. Or the broker has died or does not
    /// listen after some minutes: the error holds the end of its log.
    pub fn start() -> anyhow::Result<Self> {
        KafkaConfig::new().start()
    }

    pub(crate) fn start_with(config: &KafkaConfig) -> anyhow::Result<Self> {
        let mut brokers = Self::start_together(config, 1)?;
        brokers.pop().context("one was started")
    }

    /// So many brokers that know each other.
    pub(crate) fn start_together(config: &KafkaConfig, count: u32) -> anyhow::Result<Vec<Self>> {
        java::check_java()?;
        let libs = jars::find_or_fetch()?;
        let mut starts = 1;
        loop {
            let cluster = new_cluster_id();
            let nodes = Node::together(count)?;
            let new = nodes.into_iter().map(|node| Self::new(config, node, libs.clone()));
            let mut brokers = new.collect::<anyhow::Result<Vec<_>>>()?;
            each(&mut brokers, |broker| broker.format(&cluster))?;
            match each(&mut brokers, Self::launch) {
                Err(_) if starts < STARTS_MAX && brokers.iter().any(Self::port_was_taken) => starts += 1,
                launched => return launched.map(|()| brokers),
            }
        }
    }

    /// Where clients connect to: `127.0.0.1:PORT`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Where a proxy goes on to, if [`KafkaConfig::with_proxy_port`] named one.
    pub const fn proxied_port(&self) -> u16 {
        self.node.proxied_port
    }

    /// What the broker is called in its cluster: 1 if it is the only one.
    pub const fn id(&self) -> u32 {
        self.node.id
    }

    /// The process id, while the broker runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// The broker's log, over all of its starts. It goes with this value.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The end of the broker's log, to show in an error.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        tail(&log, TAIL_LINES).to_owned()
    }

    /// How the broker ended by itself, if it did.
    ///
    /// # Errors
    ///
    /// The process cannot be looked at.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process.as_mut().map_or(Ok(None), Process::ended)
    }

    /// Stops the broker as an operator does (SIGTERM), and waits for its end. The data stays.
    ///
    /// A broker that has not ended after 20 s is killed. One that does not run is left as it is.
    ///
    /// # Errors
    ///
    /// The signal could not be sent; or the broker had to be killed.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(process) = self.process.take() else { return Ok(()) };
        ensure!(process.stop(STOP_LIMIT)?, "the broker did not stop in {STOP_LIMIT:?} and was killed");
        Ok(())
    }

    /// Ends the broker as a crash does (SIGKILL), and waits for its end. The data stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts a broker that was stopped or killed, on the same ports and with the same data, and waits until it takes
    /// connections: some 3 s after a stop. After a kill it takes 9 s more, since the controller holds the dead one's
    /// session for so long; `broker.session.timeout.ms` sets it.
    ///
    /// # Errors
    ///
    /// It runs; or those of [`start`](Self::start).
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "the broker runs: stop it before it is started again");
        self.launch()
    }

    /// Freezes the broker (SIGSTOP): its port still takes connections, and nothing answers.
    ///
    /// # Errors
    ///
    /// The broker does not run.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.running()?.signal("STOP")
    }

    /// Lets a paused broker go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// The broker does not run.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.running()?.signal("CONT")
    }

    /// A broker that is set up and does not run yet.
    fn new(config: &KafkaConfig, node: Node, libs: PathBuf) -> anyhow::Result<Self> {
        let scratch = Scratch::new("kafka")?;
        let write = |name: &str, text: &str| {
            fs::write(scratch.path().join(name), text).with_context(|| format!("{name} cannot be written"))
        };
        write("server.properties", &config.server_properties(&node))?;
        write("log4j2.yaml", LOG4J2)?;
        Ok(Self {
            process: None,
            brokers: format!("{}:{}", Ipv4Addr::LOCALHOST, node.port),
            node,
            libs,
            log: scratch.path().join("broker.log"),
            scratch,
        })
    }

    /// Prepares the data folder. All nodes of a cluster are given the same id.
    fn format(&self, cluster: &str) -> anyhow::Result<()> {
        let args = ["format", "-t", cluster, "-c", "server.properties"];
        let mut tool = self.java(TOOL_OPTIONS, "kafka.tools.StorageTool", &args)?;
        let start = Instant::now();
        loop {
            match tool.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    bail!("kafka's data folder could not be formatted ({status}):\n{}", self.log_tail())
                }
                None if start.elapsed() > FORMAT_LIMIT => {
                    bail!("kafka's data folder was not formatted in {FORMAT_LIMIT:?}:\n{}", self.log_tail())
                }
                None => thread::sleep(LOOK_INTERVAL),
            }
        }
    }

    /// Starts the process and waits until it, and no other, listens.
    fn launch(&mut self) -> anyhow::Result<()> {
        let mut process = self.java(BROKER_OPTIONS, "kafka.Kafka", &["server.properties"])?;
        let start = Instant::now();
        while !listens(process.id(), self.node.port) {
            if let Some(status) = process.ended()? {
                bail!("the broker ended at its start ({status}):\n{}", self.log_tail());
            }
            if start.elapsed() > START_LIMIT {
                bail!("the broker does not listen {START_LIMIT:?} after its start:\n{}", self.log_tail());
            }
            thread::sleep(LOOK_INTERVAL);
        }
        self.process = Some(process);
        Ok(())
    }

    fn java(&self, options: &[&str], class: &str, args: &[&str]) -> anyhow::Result<Process> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("{} cannot be written", self.log.display()))?;
        Process::start("java", java::arguments(&self.libs, options, class, args), &log, self.scratch.path())
    }

    fn running(&mut self) -> anyhow::Result<&mut Process> {
        self.process.as_mut().context("the broker does not run")
    }

    fn port_was_taken(&self) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.contains("Address already in use"))
    }
}

/// Does the same with each of them at the same time: Java takes seconds for anything.
fn each(
    brokers: &mut [KafkaBroker],
    work: impl Fn(&mut KafkaBroker) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = brokers.iter_mut().map(|broker| scope.spawn(move || work(broker))).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All of them, before the first that failed is told of.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}

/// The last lines of a text.
fn tail(text: &str, lines: usize) -> &str {
    let text = text.trim_end();
    let begin = text.rmatch_indices('\n').nth(lines.saturating_sub(1)).map_or(0, |(index, _)| index + 1);
    text.get(begin..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_holds_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a\nb\nc\n", 3), "a\nb\nc");
        assert_eq!(tail("a\n", 5), "a");
        assert_eq!(tail("", 5), "");
    }
}
