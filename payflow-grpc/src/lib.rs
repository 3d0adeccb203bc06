//! gRPC for payflow: the services of `payment.proto`, and clients of them that are a `Notifier` and a `Handler`.
//!
//! [`GrpcRouter`] makes an axum router of the services. Any HTTP/2 server can run it; `payflow_http::Server` is made for
//! what comes from the open network, and can serve it beside `POST /pay` on one port.
//!
//! [`GrpcNotifier`] sends what was composed here, [`GrpcHandler`] hands on a payment whose notification is composed where it
//! runs. Both tell what surely was not done from what may have been.
//!
//! ```
//! use std::sync::Arc;
//!
//! use payflow_core::{Currency, Intake, MemoryInbox, Notifier, NotifyPayer, Once};
//! use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcHandler, GrpcRouter};
//!
//! # fn example(intake: Arc<dyn Intake>, channel: Arc<dyn Notifier>) -> Result<(), Box<dyn std::error::Error>> {
//! let once = Arc::new(Once::new(channel, MemoryInbox::new()));
//! let routes = GrpcRouter::new()
//!     .with_payments(intake)
//!     .with_notifications(Arc::clone(&once), NotifyPayer::new(once, "log"))
//!     .with_default_currency(Currency::parse("EUR")?)
//!     .into_router();
//!
//! let client = GrpcClient::new(GrpcClientConfig::new(["http://127.0.0.1:50051"]))?;
//! let handler = GrpcHandler::new(client);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod acknowledgement;
mod answer;
mod call;
mod client;
mod config;
mod endpoint;
mod error;
mod handler;
mod health;
mod identity;
mod notifications;
mod notifier;
mod payments;
mod router;

/// What the compiler made of the services in `payment.proto`; `tests/generated.rs` makes it again and compares.
mod generated {
    // Its own lints, not the house's.
    #![allow(missing_docs, missing_debug_implementations, unused_qualifications, unreachable_pub)]
    #![allow(clippy::all, clippy::nursery, clippy::pedantic, clippy::use_self, clippy::future_not_send)]
    #![allow(clippy::clone_on_ref_ptr, clippy::or_fun_call, unnameable_types, elided_lifetimes_in_paths)]
    // Included and not a module file, so that rustfmt leaves it as it was generated.
    include!("generated/payment.rs");

    /// The contract with what it imports, for reflection.
    pub(crate) const DESCRIPTOR: &[u8] = include_bytes!("generated/payment.descriptor");
}

pub use client::GrpcClient;
pub use config::{GrpcClientConfig, InvalidGrpcConfig};
pub use handler::GrpcHandler;
pub use notifier::GrpcNotifier;
pub use router::GrpcRouter;
