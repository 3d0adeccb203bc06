//! The log as a channel.

use async_trait::async_trait;
use payflow_core::{Error, Notification, Notifier, Sent};
use tracing::info;

/// [`Notifier`] that writes each notification into the log, one line each.
///
/// The line tells what was said about which payment. Who the payer is, it leaves out: a log is read by many and kept for
/// long, and the payment id leads to the payer for those who may know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogNotifier;

impl LogNotifier {
    /// What the channel is called. Part of each notification's id.
    pub(crate) const CHANNEL: &'static str = "log";
}

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        info!(
            payment_id = %notification.payment_id(),
            notification_id = %notification.id(),
            // As a text, which the log quotes: what users chose cannot pass for another line.
            text = notification.message(),
            "notification"
        );
        Ok(Sent::Delivered)
    }
}
