//! A notifier whose other side is a notification service.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use payflow_core::{Error, Notification, Notifier, Sent};
use tonic::Request;

use crate::client::GrpcClient;

/// [`Notifier`] that hands each notification to `NotificationService.Notify`, which answers for the rest.
///
/// What surely was not sent is [`Transient`](payflow_core::Fault::Transient): no endpoint is reached, or the other side says
/// so. A call that was sent and not answered, for whatever reason, is [`Unknown`](payflow_core::Fault::Unknown). A message that
/// is longer than [the client's bound](crate::GrpcClientConfig::with_message_bytes_max) is
/// [`Permanent`](payflow_core::Fault::Permanent), and not sent.
#[derive(Debug, Clone)]
pub struct GrpcNotifier {
    client: GrpcClient,
}

impl GrpcNotifier {
    /// Sends through `client`.
    #[must_use]
    pub const fn new(client: GrpcClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Notifier for GrpcNotifier {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        let request = Request::new(payflow_proto::Notification::from(notification));
        let send =
            |mut caller: crate::client::Caller, request| async move { caller.notify(request).await }.boxed();
        self.client.call("notify over gRPC", request, send).await
    }

    fn claim_lease(&self) -> Option<Duration> {
        self.client.claim_lease()
    }
}
