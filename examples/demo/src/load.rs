//! `demo --payments N`: sends payments through the front door, and checks what became of each.

mod progress;
mod recorder;
mod sender;
mod table;
mod verdict;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Error, Result};
use payflow_core::Notifier;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::console::Console;
use crate::fault::FaultyNotifier;
use crate::settings::{Load, Settings};
use crate::{front_door, path};
use progress::Progress;
use recorder::Recorder;
use verdict::Verdict;

/// Sends, drains, and prints the verdict; exit code 1 if it is bad. `stop` ends the sending early.
pub(crate) async fn run(load: Load, settings: &Settings, stop: CancellationToken) -> Result<ExitCode> {
    let listener = front_door::bind(settings.front_door.to_load).await?;
    let address = front_door::reachable(&listener)?;
    let start = Instant::now();
    let recorder = Arc::new(Recorder::new(start));
    let sound = Arc::clone(&recorder);
    let notifier: Arc<dyn Notifier> = match load.fault {
        None => sound,
        Some(fault) => Arc::new(FaultyNotifier::new(sound, fault)),
    };

    // The path ends when all that was sent has been handled, so nothing can come after the verdict.
    let shutdown = CancellationToken::new();
    let sending = async {
        let shipment = sender::send_all(address, load, settings.currency, start, &stop).await;
        shutdown.cancel();
        shipment
    };
    let path = path::run(listener, settings.currency, notifier, shutdown.clone());
    let progress = Progress::new(load, address);
    let (shipment, drained) = tokio::select! {
        ended = async { tokio::join!(sending, path) } => ended,
        never = progress.follow(|| recorder.count()) => match never {},
    };
    progress.finish();

    tell_failures(&shipment.failures);
    if let Err(error) = &drained {
        eprintln!("error: {error:#}");
    }
    let verdict = Verdict {
        gave_up: shipment.failures.len(),
        ..Verdict::new(shipment.sent, &shipment.accepted, &recorder.take())
    };
    Console::new().print(&if load.json {
        table::json(&verdict, load).to_string()
    } else {
        table::text(&verdict)
    })?;
    Ok(if verdict.is_good() && drained.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What stopped one sender stopped most of them; one line will do.
fn tell_failures(failures: &[Error]) {
    if let Some((first, others)) = failures.split_first() {
        eprintln!("error: {first:#}; {} other senders gave up too", others.len());
    }
}
