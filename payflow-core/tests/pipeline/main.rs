//! The pipeline as a whole, on the in-process transport under paused time.
#![cfg(feature = "memory")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be unwrapped fails the test")]

mod dead_letters;
mod events;
mod fairness;
mod health;
mod order;
mod remembering;
mod retries;
mod rig;
mod settings;
mod shares;
mod stops;
mod storms;
