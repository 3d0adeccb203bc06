//! `payflow` as a process: what it shows, what it sends back, and what it says when it cannot.

#[cfg(target_os = "linux")]
mod asking;
mod forgetting;
mod harness;
mod lagging;
mod listing;
mod redriving;
mod service;
mod stalling;
mod troubling;
mod usage;
