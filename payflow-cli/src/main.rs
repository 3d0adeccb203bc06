//! The operator's tool: look at dead letters, send them back, see how far a group is.
//!
//! ```text
//! payflow dead-letters list    --kafka-brokers kafka-1:9092
//! payflow dead-letters redrive --kafka-brokers kafka-1:9092 --since 2h --dry-run
//! payflow lag                  --kafka-brokers kafka-1:9092 --group notification-service
//! ```
//!
//! Exit codes: 0 done, 1 something failed or is left over, 2 it was not told what to do.
#![forbid(unsafe_code)]

mod args;
mod key;
mod lag;
mod letters;
mod list;
mod log;
mod memory;
mod moment;
mod output;
mod progress;
mod redrive;
mod settings;
mod show;
mod signal;
mod troubles;

use std::process::ExitCode;

use clap::Parser;
use payflow_core::Fault;

use args::{Cli, DeadLetters, Task};
use settings::InvalidSetting;

#[tokio::main]
async fn main() -> ExitCode {
    // Ends the process by itself where the arguments cannot be understood, with code 2, or help was asked for.
    let task = Cli::parse().task;
    log::start();
    let done = match task {
        Task::DeadLetters { task: DeadLetters::List(args) } => list::run(args).await,
        Task::DeadLetters { task: DeadLetters::Show(args) } => show::run(args).await,
        Task::DeadLetters { task: DeadLetters::Redrive(args) } => redrive::run(args).await,
        Task::Lag(args) => lag::run(args).await,
    };
    match done {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::LeftOver) => ExitCode::from(1),
        Err(error) => {
            output::tell(&format!("error: {}", told(&error)));
            ExitCode::from(if error.is::<InvalidSetting>() { 2 } else { 1 })
        }
    }
}

/// What a task came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It ran, and not all of it succeeded; it said so itself.
    LeftOver,
}

/// The chain in one line. An error of payflow's prints its fault, which is nothing for an operator.
fn told(error: &anyhow::Error) -> String {
    let links = error.chain().map(|link| match link.downcast_ref::<payflow_core::Error>() {
        Some(error) => error.operation().to_owned(),
        None => link.to_string(),
    });
    let told = links.collect::<Vec<_>>().join(": ");
    let fault = error.chain().find_map(|link| Some(link.downcast_ref::<payflow_core::Error>()?.fault()));
    if matches!(fault, Some(Fault::Transient { .. })) {
        return format!(
            "{told}; look whether --kafka-brokers (PAYFLOW_KAFKA_BROKERS) are the right ones and up, and try again"
        );
    }
    told
}
