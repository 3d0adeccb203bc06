//! For authors of payflow adapters and services: a conformance suite for the ports, and strategies for the types.
//!
//! An adapter is right if it keeps the contracts of [`Producer`](payflow_core::Producer),
//! [`Consumer`](payflow_core::Consumer) or [`Notifier`](payflow_core::Notifier). [`conformance`](mod@conformance) holds a case for each
//! rule of them. Implement [`Harness`](conformance::Harness), and one macro makes a named test of each case, in
//! `tests/conformance.rs`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use payflow_core::{Consumer, MemoryCluster, Producer, Topic};
//! use payflow_testkit::conformance;
//! use payflow_testkit::conformance::{Capabilities, Capability, Harness, fresh_name};
//!
//! struct MyHarness(MemoryCluster);
//!
//! #[async_trait]
//! impl Harness for MyHarness {
//!     fn capabilities(&self) -> Capabilities {
//!         let cannot = [Capability::FiniteSource, Capability::RefusesOversized, Capability::Interruptions];
//!         cannot.into_iter().fold(Capabilities::all(), Capabilities::without)
//!     }
//!
//!     async fn topic(&self, partitions: i32) -> Topic {
//!         let topic = Topic::parse(&fresh_name("conformance")).expect("a fresh name is a topic's name");
//!         self.0.create_topic(&topic, partitions.unsigned_abs()).expect("the topic is new");
//!         topic
//!     }
//!
//!     async fn producer(&self) -> Arc<dyn Producer> {
//!         Arc::new(self.0.producer())
//!     }
//!
//!     async fn consumer(&self, group: &str, topic: &Topic) -> Box<dyn Consumer> {
//!         Box::new(self.0.consumer(group, &[topic.clone()]).expect("the topic exists"))
//!     }
//! }
//!
//! conformance!(my_transport, MyHarness(MemoryCluster::new()));
//! # fn main() {}
//! ```
//!
//! What is not claimed is not tested, and the test says so: look at it with `cargo test -- --nocapture`, or ask
//! [`run_all`](conformance::run_all) for a report. A violation names the rule, what was expected, what happened, and the
//! record it happened to.
//!
//! - [`conformance`](mod@conformance): the cases, the harnesses, and what is compared with what.
//! - [`broken`]: an adapter for each case that must fail it, so that no case passes everything.
//! - [`strategies`]: proptest strategies for users, amounts, requests, records and notifications.
//! - [`MemoryHarness`], [`MemoryNotifierHarness`]: the suite's own surroundings, to read before writing one.
#![forbid(unsafe_code)]

pub mod broken;
pub mod conformance;
mod memory;
pub mod strategies;

pub use memory::{MemoryHarness, MemoryNotifierHarness};
