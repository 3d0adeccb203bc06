//! A few payments to begin with.

use std::net::SocketAddr;

use anyhow::Result;

use crate::client::PayClient;
use crate::console::Console;

/// As a client sends them: in the demo's currency, and in one that the client names.
const SAMPLES: [&str; 4] = [
    r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#,
    r#"{"userId":"u002","amount":1200,"method":"card","currency":"JPY"}"#,
    r#"{"userId":"u001","amount":0.5,"method":"card"}"#,
    r#"{"userId":"u003","amount":7.125,"method":"transfer","currency":"KWD"}"#,
];

/// Sends each through the front door, and waits for its notification.
pub(crate) async fn send(front_door: SocketAddr, console: &Console) -> Result<()> {
    let mut client = PayClient::connect(front_door).await?;
    for payment in SAMPLES {
        let notified = console.next_notification();
        console.print(&format!("→ POST /pay {payment}"))?;
        client.pay(payment).await?;
        notified.await;
    }
    Ok(())
}
