//! `payflow` as a process: what it shows, what it sends back, and what it says when it cannot.

mod harness;
mod lagging;
mod listing;
mod redriving;
mod service;
mod usage;
