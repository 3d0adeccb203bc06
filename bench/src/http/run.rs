//! One run of one server under load.

use std::process::Command;
use std::time::Duration;

use clap::Args;

use super::load::Load;
use super::open_loop::{OpenLoop, Paced};
use super::serve::Serve;
use super::server_process::ServerProcess;

/// How long each server is measured, and under what load.
#[derive(Debug, Clone, Args)]
pub(crate) struct Timing {
    /// How long each server, or each pace of sending, is measured, in seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How many connections post at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
}

/// What one server did under load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) requests_per_second: f64,
    /// Of the server's processors, in microseconds.
    pub(crate) processor_per_request: f64,
    /// The most memory of the server that was resident at once.
    pub(crate) peak_mib: f64,
}

impl Timing {
    /// How long each contender is measured, in seconds.
    pub(crate) const fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Loads a server of its own: what a run leaves behind burdens no other.
    ///
    /// # Errors
    /// wrk is missing, the server did not start, or it did not answer every request with success.
    pub(crate) fn run(&self, serve: &Serve, path: &str) -> anyhow::Result<Run> {
        self.load(&ServerProcess::start(serve)?, path)
    }

    /// The same with a server that is no payflow: it prints its address, and serves until its standard input ends.
    ///
    /// # Errors
    /// As of `run`.
    pub(crate) fn run_program(&self, program: Command, path: &str) -> anyhow::Result<Run> {
        self.load(&ServerProcess::start_program(program)?, path)
    }

    /// Posts so many a second to a server of its own, at even steps; or, without a rate, as many as it answers.
    ///
    /// # Errors
    /// The server did not start, or it did not answer every request with success.
    pub(crate) fn pace(&self, serve: &Serve, path: &str, rate: Option<u64>) -> anyhow::Result<Paced> {
        let server = ServerProcess::start(serve)?;
        let open_loop = OpenLoop {
            connections: self.connections,
            rate,
            warm_up: Duration::from_secs(WARM_UP_SECONDS),
            duration: Duration::from_secs(self.seconds),
        };
        open_loop.post(server.address(), path)
    }

    fn load(&self, server: &ServerProcess, path: &str) -> anyhow::Result<Run> {
        let load = |seconds| Load { connections: self.connections, duration: Duration::from_secs(seconds) };
        // What it answers before it is warm does not count; what goes wrong for good, the next run tells.
        let _ = load(WARM_UP_SECONDS).post(server.address(), path);
        let before = server.processor_time()?;
        let answered = load(self.seconds).post(server.address(), path)?;
        let used = server.processor_time()?.saturating_sub(before);
        Ok(Run {
            requests_per_second: answered.rate(),
            processor_per_request: used.as_secs_f64() * 1e6 / answered.requests as f64,
            peak_mib: server.peak_mib()?,
        })
    }
}

const WARM_UP_SECONDS: u64 = 1;
