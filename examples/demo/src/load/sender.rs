//! Sends the payments: each user's one after the other, several users at a time.

use std::net::SocketAddr;

use anyhow::{Context, Error, Result};
use payflow_core::{Currency, Money};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::verdict::Accepted;
use crate::client::PayClient;
use crate::settings::Load;

/// What was sent, and what the front door said.
#[derive(Debug, Default)]
pub(super) struct Shipment {
    /// Requests begun.
    pub(super) sent: usize,
    /// Those answered 202; those of one user in the order in which they were sent.
    pub(super) accepted: Vec<Accepted>,
    /// Why senders gave up. One that is refused sends no more, since order would mean nothing then.
    pub(super) failures: Vec<Error>,
}

/// Sends the whole load to `address`, or what was sent when `stop` came.
pub(super) async fn send_all(
    address: SocketAddr,
    load: Load,
    currency: Currency,
    start: Instant,
    stop: &CancellationToken,
) -> Shipment {
    let mut senders = JoinSet::new();
    for number in 0..load.concurrency {
        let sender =
            Sender { number, load, currency, start, stop: stop.clone(), shipment: Shipment::default() };
        senders.spawn(sender.run(address));
    }
    let mut whole = Shipment::default();
    for part in senders.join_all().await {
        whole.sent += part.sent;
        whole.accepted.extend(part.accepted);
        whole.failures.extend(part.failures);
    }
    whole
}

/// Sends for its share of the users over a connection of its own.
struct Sender {
    number: u32,
    load: Load,
    currency: Currency,
    start: Instant,
    stop: CancellationToken,
    shipment: Shipment,
}

impl Sender {
    async fn run(mut self, address: SocketAddr) -> Shipment {
        if let Err(failure) = self.send(address).await {
            self.shipment.failures.push(failure);
        }
        self.shipment
    }

    async fn send(&mut self, address: SocketAddr) -> Result<()> {
        let mut client = PayClient::connect(address).await?;
        let Load { payments, users, concurrency, .. } = self.load;
        // The users pay in turn, and each belongs to one sender, so that nobody's payments overtake each other.
        for payment in (0..payments).filter(|payment| payment % users % concurrency == self.number) {
            if self.stop.is_cancelled() {
                break;
            }
            let user = payment % users;
            let amount = Money::new(100 + i64::from(payment), self.currency).shortest_decimal();
            let body = format!(r#"{{"userId":"u{user:06}","amount":{amount},"method":"card"}}"#);
            self.shipment.sent += 1;
            let sent_at = self.start.elapsed();
            let payment_id = client
                .pay(body)
                .await
                .with_context(|| format!("payment {} of user u{user:06}", payment / users + 1))?;
            self.shipment.accepted.push(Accepted { payment_id, user, sent_at });
        }
        Ok(())
    }
}
