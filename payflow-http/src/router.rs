//! The routes of the front door, as an `axum::Router`.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use payflow_core::{Currency, Intake};

use crate::health;
use crate::pay::{Door, accepted};
use crate::problem::Problem;
use crate::service::{PATH, PayService};

/// Builds the routes of the HTTP front door: `POST /pay`, `GET /livez`, `GET /readyz`.
///
/// [`into_service`](Self::into_service) gives all of them, for a [`Server`](crate::Server); [`into_router`](Self::into_router) the same
/// for who adds layers or routes of axum's; [`into_pay_route`](Self::into_pay_route) `POST /pay` alone, to merge or nest in an axum app.
///
/// # `POST /pay`
///
/// Takes `{"userId":"u001","amount":49.99,"method":"paypal"}`, optionally with `"currency":"EUR"`, as
/// `application/json`, and optionally a header `Idempotency-Key`. Answers `202` with
/// `{"paymentId":"…","status":"accepted"}` once the payment is durable. The payment belongs to the
/// [`Principal`](payflow_core::Principal) in the request's extensions, where an authentication layer puts it, or else to
/// the anonymous one.
///
/// Every refusal is `application/problem+json` (RFC 9457) and repeats nothing of the body but the name of a field.
/// `field` names the field that is wrong. `type` is stable and tells causes apart; where it is `about:blank`, the
/// status says all:
///
/// | status | `type` | when |
/// |---|---|---|
/// | 400 | `urn:payflow:problem:malformed-body` | not one JSON document in UTF-8, a field of the contract twice, nested too deep, broken off |
/// | 400 | `urn:payflow:problem:invalid-idempotency-key` | the header stands twice, or its form is wrong |
/// | 413 | `about:blank` | the body is longer than [`with_body_bytes_max`](Self::with_body_bytes_max) allows |
/// | 415 | `about:blank` | not `application/json` in UTF-8, or with a content coding |
/// | 422 | `urn:payflow:problem:not-an-object` | JSON, but not an object |
/// | 422 | `urn:payflow:problem:invalid-field` | a field is unknown, missing or refused; `field` |
/// | 422 | `urn:payflow:problem:idempotency-key-reused` | the key was used before, for another request, where the intake has a store; [`DirectIntake`](payflow_core::DirectIntake) answers 202, and the consumer sets it aside |
/// | 500 | `about:blank` | the payment cannot be handed over, now or later |
/// | 503 | `urn:payflow:problem:unavailable` | surely not taken; `Retry-After` says when to come back |
/// | 504 | `urn:payflow:problem:outcome-unknown` | may have been taken; `paymentId`; repeat with the same key |
///
/// Another method is answered 405 with `Allow`.
///
/// Neither the time that a client takes for its body nor the time of the whole request is bounded here: the first is
/// for the server, such as [`Server`](crate::Server), the second for the intake.
///
/// ```
/// # use std::sync::Arc;
/// # use payflow_core::{Currency, Intake};
/// use payflow_http::PaymentRouter;
///
/// # fn example(intake: Arc<dyn Intake>) -> Result<axum::Router, Box<dyn std::error::Error>> {
/// let payments = PaymentRouter::new(intake).with_default_currency(Currency::parse("EUR")?);
/// let app = axum::Router::new()
///     .route("/", axum::routing::get(|| async { "my shop" }))
///     .nest("/api", payments.into_pay_route());
/// # Ok(app)
/// # }
/// ```
#[must_use]
pub struct PaymentRouter {
    door: Door,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl PaymentRouter {
    /// The default of [`with_body_bytes_max`](Self::with_body_bytes_max): 64 KiB.
    pub const BODY_BYTES_MAX: usize = 64 * 1024;

    /// Hands payments to `intake`. A request has to state its currency, and `/readyz` always says ready.
    pub fn new(intake: Arc<dyn Intake>) -> Self {
        Self { door: Door::new(intake, Self::BODY_BYTES_MAX), ready: Arc::new(|| true) }
    }

    /// The currency of a request that states none. Without a default such a request is refused.
    pub fn with_default_currency(mut self, currency: Currency) -> Self {
        self.door.default_currency = Some(currency);
        self
    }

    /// The longest body that is read, in bytes; a longer one is answered 413. Default
    /// [`BODY_BYTES_MAX`](Self::BODY_BYTES_MAX).
    pub const fn with_body_bytes_max(mut self, body_bytes_max: usize) -> Self {
        self.door.body_bytes_max = body_bytes_max;
        self
    }

    /// What `/readyz` asks: whether payments can be taken now. It runs for every probe, so it should only look.
    pub fn with_readiness(self, ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { ready: Arc::new(ready), ..self }
    }

    /// All routes, and 404 for any other path, each refusal as `application/problem+json`.
    pub fn into_router(self) -> Router {
        routes(&Arc::new(self.door), self.ready)
    }

    /// The same as a service, which spares each payment the way through axum's routing.
    pub fn into_service(self) -> PayService {
        let door = Arc::new(self.door);
        let app = routes(&door, self.ready);
        PayService::new(door, app)
    }

    /// `POST /pay` alone. Other paths stay with the app that it is merged or nested in.
    pub fn into_pay_route(self) -> Router {
        pay_route(&Arc::new(self.door))
    }
}

impl fmt::Debug for PaymentRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentRouter")
            .field("default_currency", &self.door.default_currency)
            .field("body_bytes_max", &self.door.body_bytes_max)
            .finish_non_exhaustive()
    }
}

fn routes(door: &Arc<Door>, ready: Arc<dyn Fn() -> bool + Send + Sync>) -> Router {
    let live = get(|| async { health::live() });
    let ready = get(move || {
        let ready = ready();
        async move { health::ready(ready) }
    });
    pay_route(door)
        .route("/livez", refuse_other_methods(live))
        .route("/readyz", refuse_other_methods(ready))
        .fallback(|| async { Problem::not_found() })
}

fn pay_route(door: &Arc<Door>) -> Router {
    let door = Arc::clone(door);
    let pay = post(move |request: Request| {
        let taken = door.answer(request);
        async move {
            match taken.await {
                Ok(acceptance) => accepted(acceptance).map(Body::from),
                Err(problem) => problem.into_response(),
            }
        }
    });
    Router::new().route(PATH, refuse_other_methods(pay))
}

/// axum adds `Allow`, which so also names what an app adds to the same path.
fn refuse_other_methods(methods: MethodRouter) -> MethodRouter {
    methods.fallback(|| async { Problem::method_not_allowed() })
}
