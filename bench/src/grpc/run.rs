//! One run of one kind of call.

use clap::Args;

use super::kind::Kind;
use super::load::Load;
use crate::http::ServerProcess;
use crate::kafka::{Report, run_contender};

/// How long each kind is measured, and over how many connections.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Timing {
    /// How long each contender is measured, in seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Over how many connections the calls go, on both sides.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) connections: u16,
}

/// What one kind of call took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) calls_per_second: f64,
    /// Of the server's processors, in microseconds.
    pub(super) server_per_call: f64,
    /// Of the client's, in microseconds.
    pub(super) client_per_call: f64,
}

impl Timing {
    /// Makes so many calls at once.
    ///
    /// # Errors
    /// The server did not answer every call with success.
    pub(super) fn run(&self, server: &ServerProcess, kind: Kind, calls: u32) -> anyhow::Result<Run> {
        let load = |seconds: u64| -> anyhow::Result<Report> {
            let (address, connections) = (server.address(), self.connections);
            let load = Load { kind, address, connections, calls, millis: seconds * 1_000 };
            run_contender(&load.args(), Report::read)
        };
        // What it answers before it is warm does not count.
        load(WARM_UP_SECONDS)?;
        let before = server.processor_time()?;
        let report = load(self.seconds)?;
        let used = server.processor_time()?.saturating_sub(before);
        Ok(Run {
            calls_per_second: report.rate(),
            server_per_call: used.as_secs_f64() * 1e6 / report.messages as f64,
            client_per_call: report.processor_per_million,
        })
    }
}

const WARM_UP_SECONDS: u64 = 1;
