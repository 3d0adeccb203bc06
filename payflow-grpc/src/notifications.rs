//! `NotificationService`: what came over the wire, handed to a notifier or a handler.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt;
use payflow_core::{
    AckToken, Content, Currency, Delivery, Error, Fault, Handler, HeaderName, Headers, Message, Notification,
    Notifier, PaymentId, PaymentRequest, Sent, Topic,
};
use payflow_proto::Acknowledgement;
use tonic::{Request, Response, Status};
use tracing::{debug, error};

use crate::generated::notification_service_server::NotificationService;
use crate::{acknowledgement, answer, identity};

/// Sends through `notifier` what was composed elsewhere, and lets `handler` compose for a payment.
pub(crate) struct Notifications<N, H> {
    notifier: N,
    handler: H,
    default_currency: Option<Currency>,
    topic: Topic,
}

impl<N: Notifier, H: Handler<PaymentRequest>> Notifications<N, H> {
    pub(crate) fn new(notifier: N, handler: H, default_currency: Option<Currency>) -> Self {
        let topic =
            Topic::parse("payment.NotificationService").expect("letters and a dot are a topic's name");
        Self { notifier, handler, default_currency, topic }
    }

    /// The call as a handler sees it: a message that stands nowhere, and bears its identity in itself.
    fn message(
        &self,
        request: &Request<payflow_proto::PaymentRequest>,
    ) -> Result<Message<PaymentRequest>, Status> {
        let fingerprint = identity::fingerprint(request.metadata())?;
        let body = request
            .get_ref()
            .to_request(self.default_currency)
            .map_err(|invalid| answer::invalid_payment(&invalid))?;
        // Who names no payment cannot have a repeat told from another: each call is a payment of its own.
        let (id, created_at) = (body.id().unwrap_or_else(PaymentId::random), body.created_at());
        let mut headers = Headers::new();
        if let Some(fingerprint) = fingerprint {
            headers.append(HeaderName::FINGERPRINT, fingerprint.to_string());
        }
        let delivery = Delivery {
            token: AckToken::new(0, 0, 0),
            topic: self.topic.clone(),
            partition: 0,
            offset: 0,
            timestamp_ms: None,
            content: Content::new(None, None, &headers),
        };
        Ok(Message::new(body.with_identity(Some(id), created_at), delivery, 1))
    }
}

#[async_trait]
impl<N, H> NotificationService for Notifications<N, H>
where
    N: Notifier + 'static,
    H: Handler<PaymentRequest> + 'static,
{
    async fn handle_notification(
        &self,
        request: Request<payflow_proto::PaymentRequest>,
    ) -> Result<Response<Acknowledgement>, Status> {
        let message = self.message(&request)?;
        let handled = async { self.handler.handle(message).await.map(|()| Sent::Accepted) };
        acknowledge("HandleNotification", handled).await
    }

    async fn notify(
        &self,
        request: Request<payflow_proto::Notification>,
    ) -> Result<Response<Acknowledgement>, Status> {
        let notification = Notification::try_from(request.get_ref())
            .map_err(|invalid| answer::invalid_field(invalid.field(), invalid.reason()))?;
        acknowledge("Notify", self.notifier.notify(&notification)).await
    }
}

/// Awaits the outcome, and says it. A panic on the way is an outcome that is not known.
async fn acknowledge(
    method: &'static str,
    outcome: impl Future<Output = Result<Sent, Error>> + Send,
) -> Result<Response<Acknowledgement>, Status> {
    let outcome = AssertUnwindSafe(outcome).catch_unwind().await.unwrap_or_else(|_panic| {
        error!(method, "a notification's sender panicked");
        Err(Error::unknown("notify").because("panicked"))
    });
    match &outcome {
        Ok(_) => {}
        Err(failed) if failed.fault() == Fault::Fatal => {
            error!(method, cause = failed.chain(), "notifications cannot be sent");
        }
        // The caller decides what becomes of it, and tells the log.
        Err(failed) => debug!(method, cause = failed.chain(), "not notified"),
    }
    acknowledgement::write(&outcome).map(Response::new)
}
