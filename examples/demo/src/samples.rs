//! A few payments to begin with.

use std::net::SocketAddr;

use anyhow::Result;
use payflow_core::{Currency, Money};

use crate::client::PayClient;
use crate::console::Console;

/// As a client sends them: in the demo's currency, and in one that the client names.
fn samples(currency: Currency) -> [String; 4] {
    let amount = |minor| Money::new(minor, currency).shortest_decimal();
    [
        format!(r#"{{"userId":"u001","amount":{},"method":"paypal"}}"#, amount(4_999)),
        r#"{"userId":"u002","amount":1200,"method":"card","currency":"JPY"}"#.to_owned(),
        format!(r#"{{"userId":"u001","amount":{},"method":"card"}}"#, amount(50)),
        r#"{"userId":"u003","amount":7.125,"method":"transfer","currency":"KWD"}"#.to_owned(),
    ]
}

/// Sends each through the front door, and waits for its notification.
pub(crate) async fn send(front_door: SocketAddr, currency: Currency, console: &Console) -> Result<()> {
    let mut client = PayClient::connect(front_door).await?;
    for payment in samples(currency) {
        let notified = console.next_notification();
        console.print(&format!("→ POST /pay {payment}"))?;
        client.pay(payment).await?;
        notified.await;
    }
    Ok(())
}
