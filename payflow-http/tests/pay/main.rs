//! `POST /pay` as a client sees it: each input of the contract and its answer.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod accepted;
mod any_bytes;
mod health;
mod logged;
mod mounted;
mod outcomes;
mod refused_body;
mod refused_head;
mod scripted;
mod served;
