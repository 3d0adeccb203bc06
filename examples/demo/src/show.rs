//! What `demo` does by itself: serves, pays a few samples, shows each notification, and stays up.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use payflow_core::{Currency, Money};
use tokio_util::sync::CancellationToken;

use crate::console::Console;
use crate::settings::Settings;
use crate::{front_door, path, samples};

/// Runs until `stop`, and drains.
pub(crate) async fn run(settings: &Settings, stop: CancellationToken) -> Result<ExitCode> {
    let listener = front_door::bind(settings.front_door.to_show).await?;
    let address = front_door::reachable(&listener)?;
    let console = Arc::new(Console::new());

    let tour = async {
        let tour = stop.run_until_cancelled(show_around(address, settings.currency, &console)).await;
        // When the drain has begun, the samples may well find the door closed.
        if let Some(Err(error)) = tour
            && !stop.is_cancelled()
        {
            return Err(error);
        }
        stop.cancelled().await;
        Ok(console.print("\nDraining; Ctrl-C again ends at once.")?)
    };
    let notifier = Arc::clone(&console);
    tokio::try_join!(path::run(listener, settings.currency, notifier, stop.clone()), tour)?;
    console.print("Drained: no accepted payment is left.")?;
    Ok(ExitCode::SUCCESS)
}

async fn show_around(address: SocketAddr, currency: Currency, console: &Console) -> Result<()> {
    console.print(&format!(
        "payflow in one process: POST /pay ─▶ intake ─▶ topic ─▶ pipeline ─▶ notification\n\
         Serving on http://{address}\n\n\
         A few payments through the front door, and what their payers are told:\n"
    ))?;
    samples::send(address, currency, console).await?;
    console.print(&format!(
        "\nPay yourself, from another terminal:\n\n  {}\n\nCtrl-C ends.\n",
        curl(address, currency)
    ))?;
    Ok(())
}

fn curl(address: SocketAddr, currency: Currency) -> String {
    let amount = Money::new(1_250, currency).shortest_decimal();
    format!(
        "curl -i http://{address}/pay -H 'Content-Type: application/json' \
         -d '{{\"userId\":\"u004\",\"amount\":{amount},\"method\":\"card\"}}'"
    )
}
