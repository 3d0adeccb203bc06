//! The HTTP front door of payflow: a router for `POST /pay`, and one hardened server that runs any tower service.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use payflow_core::{Currency, Intake};
//! use payflow_http::{PaymentRouter, Server, ServerConfig};
//!
//! # async fn example(
//! #     intake: impl Intake + 'static,
//! #     shutdown: impl Future<Output = ()> + Send,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! // Any intake, such as payflow-core's `DirectIntake` on a producer. A request has longer than it takes to decide.
//! let server = Server::new(ServerConfig::new().with_service_deadline(intake.decided_within()))?;
//! let payments = PaymentRouter::new(Arc::new(intake)).with_default_currency(Currency::parse("EUR")?);
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! server.run(listener, payments.into_service(), shutdown).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`PaymentRouter::into_pay_route`] is for an axum app of one's own, beside its other routes.
#![forbid(unsafe_code)]

mod health;
mod pay;
mod problem;
mod router;
mod server;
mod service;

pub use router::PaymentRouter;
pub use server::{RequestBody, RequestBodyError, Server, ServerConfig, ServerError, ServerReport};
pub use service::{PayBody, PayFuture, PayService};
