//! A handler that hands on a payment to be handled elsewhere.

use std::time::Duration;

use futures_util::FutureExt;
use payflow_core::{Delivery, Error, Handler, HeaderName, Message, PaymentRequest};
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;

use crate::client::GrpcClient;

/// [`Handler`] that hands each payment to `NotificationService.HandleNotification`, which composes the notification and sends
/// it where it runs.
///
/// The payment bears its id, also one that follows from where its record stands, and the fingerprint of its request: a repeat
/// can be told there as it can here. Failures are told apart as by [`GrpcNotifier`](crate::GrpcNotifier).
#[derive(Debug, Clone)]
pub struct GrpcHandler {
    client: GrpcClient,
}

impl GrpcHandler {
    /// What the storm guard knows the other side by.
    pub const DESTINATION: &'static str = "grpc";

    /// Hands payments on through `client`.
    #[must_use]
    pub const fn new(client: GrpcClient) -> Self {
        Self { client }
    }
}

impl Handler<PaymentRequest> for GrpcHandler {
    async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
        let mut payment = payflow_proto::PaymentRequest::from(message.body());
        payment.payment_id = message.payment_id().to_string();
        let mut request = Request::new(payment);
        let fingerprint = message.fingerprint().map(|print| print.to_string());
        if let Some(Ok(value)) = fingerprint.map(AsciiMetadataValue::try_from) {
            request.metadata_mut().insert(HeaderName::FINGERPRINT, value);
        }
        drop(message);
        let send = |mut caller: crate::client::Caller, request| {
            async move { caller.handle_notification(request).await }.boxed()
        };
        self.client.call("handle over gRPC", request, send).await.map(drop)
    }

    fn destination(&self, _delivery: &Delivery) -> &'static str {
        Self::DESTINATION
    }

    fn claim_lease(&self) -> Option<Duration> {
        self.client.claim_lease()
    }
}
