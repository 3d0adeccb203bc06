//! The services, as an `axum::Router`.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use payflow_core::{Currency, Handler, Intake, Notifier, PaymentRequest};
use tonic::Status;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;

use crate::call::Calls;
use crate::generated::DESCRIPTOR;
use crate::generated::notification_service_server::NotificationServiceServer;
use crate::generated::payment_service_server::PaymentServiceServer;
use crate::health::Readiness;
use crate::notifications::Notifications;
use crate::payments::Payments;

/// Builds the routes of the gRPC services: those it is given, and health and reflection beside them.
///
/// [`into_router`](Self::into_router) is for a port of their own, [`into_routes`](Self::into_routes) to merge with other
/// routes, such as those of `payflow_http::PaymentRouter`, on one port.
///
/// # `PaymentService.Pay`
///
/// Takes the request by its first three fields, or more of them, and optionally the metadata `idempotency-key`, by the rules
/// of HTTP's header. The payment belongs to the [`Principal`](payflow_core::Principal) in the request's extensions, where an
/// authentication layer puts it, or else to the anonymous one. Answers as the HTTP door does:
///
/// | code | details by `google.rpc` | when |
/// |---|---|---|
/// | `OK` | – | durable |
/// | `INVALID_ARGUMENT` | `BadRequest` with the field | a field is missing or refused, `paymentId` or `createdAt` is set, the key's form is wrong |
/// | `FAILED_PRECONDITION` | – | the key was used before, for another request, where the intake has a store; [`DirectIntake`](payflow_core::DirectIntake) answers `OK`, and the consumer sets it aside |
/// | `RESOURCE_EXHAUSTED` | – | the message is longer than [`with_message_bytes_max`](Self::with_message_bytes_max) allows |
/// | `UNAVAILABLE` | `RetryInfo` | surely not taken |
/// | `DEADLINE_EXCEEDED` | `ErrorInfo` with `paymentId` | may have been taken; repeat with the same key |
/// | `INTERNAL` | – | the payment cannot be handed over, now or later |
///
/// Each but `RESOURCE_EXHAUSTED` has an `ErrorInfo` of the domain `payflow`, whose reason tells causes apart.
///
/// # `NotificationService`
///
/// `Notify` gives the notifier what was composed; `HandleNotification` gives the handler a payment. What became of it is the
/// acknowledgement; where that is not known, `DEADLINE_EXCEEDED`. A payment without `paymentId` is one of its own at each
/// call. The record's fingerprint, if it has one, is the metadata `payflow-fingerprint`.
///
/// # HTTP
///
/// Calls come over HTTP/2. What comes over an older version is answered with status 505 and is not run: it could not be told
/// that it succeeded.
///
/// # Deadlines
///
/// A call is dropped at its client's deadline, when its client cancels it or goes away, and at the server's deadline. What it
/// had begun by then may have been done, as when a pipeline cuts off a handler.
#[must_use]
pub struct GrpcRouter {
    intake: Option<Arc<dyn Intake>>,
    notifications: Option<Box<dyn FnOnce(Reading) -> Router + Send>>,
    reading: Reading,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// How messages are read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    default_currency: Option<Currency>,
    message_bytes_max: usize,
}

impl GrpcRouter {
    /// The default of [`with_message_bytes_max`](Self::with_message_bytes_max): 64 KiB, as for HTTP.
    pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

    /// Health and reflection alone. A payment has to state its currency, and health always says serving.
    pub fn new() -> Self {
        Self {
            intake: None,
            notifications: None,
            reading: Reading { default_currency: None, message_bytes_max: Self::MESSAGE_BYTES_MAX },
            ready: Arc::new(|| true),
        }
    }

    /// Serves `PaymentService`: hands payments to `intake`.
    pub fn with_payments(mut self, intake: Arc<dyn Intake>) -> Self {
        self.intake = Some(intake);
        self
    }

    /// Serves `NotificationService`: `Notify` by `notifier`, `HandleNotification` by `handler`, such as
    /// [`NotifyPayer`](payflow_core::NotifyPayer).
    ///
    /// A caller repeats what it does not know the outcome of, with the same ids: let both go through one
    /// [`Once`](payflow_core::Once).
    pub fn with_notifications<N, H>(mut self, notifier: N, handler: H) -> Self
    where
        N: Notifier + 'static,
        H: Handler<PaymentRequest> + 'static,
    {
        self.notifications = Some(Box::new(|reading| {
            let notifications = Notifications::new(notifier, handler, reading.default_currency);
            let service = NotificationServiceServer::new(notifications)
                .max_decoding_message_size(reading.message_bytes_max);
            route(service, &["HandleNotification", "Notify"])
        }));
        self
    }

    /// The currency of a payment that states none. Without a default such a payment is refused.
    pub const fn with_default_currency(mut self, currency: Currency) -> Self {
        self.reading.default_currency = Some(currency);
        self
    }

    /// The longest message that is read, in bytes; a longer one is answered `RESOURCE_EXHAUSTED`. Default
    /// [`MESSAGE_BYTES_MAX`](Self::MESSAGE_BYTES_MAX). Not below
    /// [its clients' bound](crate::GrpcClientConfig::with_message_bytes_max): raise it here first, and lower it there first.
    pub const fn with_message_bytes_max(mut self, message_bytes_max: usize) -> Self {
        self.reading.message_bytes_max = message_bytes_max;
        self
    }

    /// What health asks: whether the services can be used now. It runs for every check, so it should only look.
    pub fn with_readiness(self, ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { ready: Arc::new(ready), ..self }
    }

    /// The services, for a port of their own: any other path is answered `UNIMPLEMENTED`.
    pub fn into_router(self) -> Router {
        self.into_routes().fallback(unimplemented)
    }

    /// The services alone. Other paths stay with the router that it is merged with; those of the contract's services that are
    /// not served are answered `UNIMPLEMENTED`.
    pub fn into_routes(self) -> Router {
        let mut services = Vec::new();
        let mut router = Router::new();
        if let Some(intake) = self.intake {
            let service = PaymentServiceServer::new(Payments::new(intake, self.reading.default_currency))
                .max_decoding_message_size(self.reading.message_bytes_max);
            services.push(PaymentServiceServer::<Payments>::NAME);
            router = router.merge(route(service, &["Pay"]));
        } else {
            router = router.merge(absent(PaymentServiceServer::<Payments>::NAME));
        }
        if let Some(notifications) = self.notifications {
            services.push(NotificationServiceServer::<()>::NAME);
            router = router.merge(notifications(self.reading));
        } else {
            router = router.merge(absent(NotificationServiceServer::<()>::NAME));
        }
        let health = HealthServer::new(Readiness { services, ready: self.ready })
            .max_decoding_message_size(self.reading.message_bytes_max);
        router = router.merge(route(health, &[]));
        let reflection = || {
            tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTOR)
        };
        // Tools ask for the newer form first, and some know the older one alone.
        if let (Ok(newer), Ok(older)) = (reflection().build_v1(), reflection().build_v1alpha()) {
            let newer = newer.max_decoding_message_size(self.reading.message_bytes_max);
            let older = older.max_decoding_message_size(self.reading.message_bytes_max);
            router = router.merge(route(newer, &[])).merge(route(older, &[]));
        }
        router
    }
}

impl Default for GrpcRouter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GrpcRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcRouter")
            .field("payments", &self.intake.is_some())
            .field("notifications", &self.notifications.is_some())
            .field("reading", &self.reading)
            .finish_non_exhaustive()
    }
}

async fn unimplemented() -> Response {
    Status::unimplemented("there is no such service").into_http()
}

/// The routes of a service that is not served.
fn absent(name: &str) -> Router {
    Router::new().route_service(&paths(name), Calls(any(unimplemented)))
}

/// All paths below a service's name.
fn paths(name: &str) -> String {
    format!("/{name}/{{*method}}")
}

/// The routes of one service; `usual` are methods that are found without looking at the rest of the path.
fn route<S>(service: S, usual: &[&str]) -> Router
where
    S: tower_service::Service<axum::extract::Request, Error = std::convert::Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let service = Calls(service);
    let router = Router::new().route_service(&paths(S::NAME), service.clone());
    usual.iter().fold(router, |router, method| {
        router.route_service(&format!("/{}/{method}", S::NAME), service.clone())
    })
}
