//! The HTTP front door of payflow: a router for `POST /pay`, and one hardened server that runs any tower service.
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
