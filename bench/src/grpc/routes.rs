//! What the measured server serves: the hello-world and payflow's services, side by side.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use payflow_core::{Currency, Error, Intake, Message, Notification, Notifier, PaymentRequest, Sent};
use payflow_grpc::GrpcRouter;

use super::greeter::Greeter;

/// A hello beside payflow's services; payments go to `intake`, and notifications nowhere.
pub(crate) fn routes(intake: Arc<dyn Intake>, currency: Currency) -> Router {
    let services = GrpcRouter::new()
        .with_payments(intake)
        .with_notifications(Nowhere, |_: Message<PaymentRequest>| async { Ok(()) })
        .with_default_currency(currency);
    let hello = Router::new().route_service(Greeter::PATH, Greeter);
    services.into_router().merge(hello)
}

/// Takes each notification at once: what is measured is the way to it.
struct Nowhere;

#[async_trait]
impl Notifier for Nowhere {
    async fn notify(&self, _: &Notification) -> Result<Sent, Error> {
        Ok(Sent::Accepted)
    }
}
