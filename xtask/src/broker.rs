//! A broker for whoever develops against one.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use payflow_parts::KafkaBroker;

/// How often it is looked whether the broker still runs.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Starts a broker, prints the setting that names it to the tests, and holds it until this process is ended.
///
/// Ctrl-C ends this process at once, and payflow-parts' watchdog then ends the broker and removes its data.
///
/// # Errors
///
/// The broker cannot be started, or it has ended.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut broker = KafkaBroker::start()?;
    writeln!(io::stdout(), "PAYFLOW_TEST_BROKERS={}", broker.brokers())
        .context("standard output is closed")?;
    eprintln!("log: {}", broker.log_path().display());
    eprintln!("Ctrl-C stops the broker and removes its data");
    loop {
        thread::sleep(LOOK_INTERVAL);
        if let Some(status) = broker.ended()? {
            bail!("the broker ended by itself ({status}):\n{}", broker.log_tail());
        }
    }
}
