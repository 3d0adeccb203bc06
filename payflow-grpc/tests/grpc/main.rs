//! The services and their clients, over real sockets on payflow's own server.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

mod answers;
mod calls;
mod client;
mod harness;
mod notifications;
mod pay;
mod served;

/// The generated clients, which the crate keeps to itself.
#[allow(missing_docs, unreachable_pub, dead_code, unused_qualifications, unnameable_types)]
#[allow(clippy::all, clippy::use_self, clippy::future_not_send, missing_debug_implementations)]
#[allow(clippy::clone_on_ref_ptr, clippy::or_fun_call, elided_lifetimes_in_paths)]
mod generated {
    include!("../../src/generated/payment.rs");
}
