//! The whole of payflow in one process, from `POST /pay` to a notification: no broker, no configuration.
//!
//! `cargo run -p demo` serves until Ctrl-C; `cargo run -p demo -- --payments 20000` sends so many payments through it,
//! checks that each was notified once and in order, and ends. How the parts are put together is in `path.rs`.
#![forbid(unsafe_code)]

mod client;
mod console;
mod fault;
mod front_door;
mod load;
mod path;
mod samples;
mod settings;
mod show;

use std::process::ExitCode;

use payflow_program::{read_or_exit, shutdown_signal};
use tokio_util::sync::CancellationToken;

use settings::{Flags, Mode, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let program = read_or_exit::<Flags, Settings>();
    let mode = program.flags.mode().unwrap_or_else(|error| error.exit());
    program.settings.logging.start(&program.warnings);

    run(mode, &program.settings).await.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(mode: Mode, settings: &Settings) -> anyhow::Result<ExitCode> {
    let signal = shutdown_signal()?;
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signal.await;
            stop.cancel();
        }
    });
    match mode {
        Mode::Show => show::run(settings, stop).await,
        Mode::Load(load) => load::run(load, settings, stop).await,
    }
}
