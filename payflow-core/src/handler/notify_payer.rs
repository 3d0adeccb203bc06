//! Payment in, notification out.

use std::time::Duration;

use super::{Handler, Message};
use crate::error::Error;
use crate::notification::Notification;
use crate::notifier::Notifier;
use crate::payment::PaymentRequest;

/// [`Handler`] that tells the payer that the payment was taken, through one channel.
#[derive(Debug)]
pub struct NotifyPayer<N> {
    notifier: N,
    channel: &'static str,
}

impl<N: Notifier> NotifyPayer<N> {
    /// The event that the notification is about.
    pub const EVENT: &'static str = "payment-received";

    /// Notifies through `notifier`, which is the channel called `channel`. The name is part of each notification's
    /// id: keep it, or a redelivery after the change is sent again.
    #[must_use]
    pub const fn new(notifier: N, channel: &'static str) -> Self {
        Self { notifier, channel }
    }
}

impl<N: Notifier> Handler<PaymentRequest> for NotifyPayer<N> {
    async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
        let request = message.body();
        let text = format!("Payment of {} by {} received", request.amount(), request.method());
        let notification = Notification::new(
            message.payment_id(),
            Self::EVENT,
            self.channel,
            request.user_id().clone(),
            text,
        )
        .with_fingerprint(message.fingerprint());
        self.notifier.notify(&notification).await.map(drop)
    }

    fn claim_lease(&self) -> Option<Duration> {
        self.notifier.claim_lease()
    }
}
