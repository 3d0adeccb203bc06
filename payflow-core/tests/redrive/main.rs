//! A redrive as a whole, on the in-process transport under paused time.
#![cfg(feature = "memory")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be unwrapped fails the test")]

mod any_story;
mod crashes;
mod ends;
mod going_back;
mod rig;
mod round_trips;
mod sends;
