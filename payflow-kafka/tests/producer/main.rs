//! The producer and the topics: on a real broker, on librdkafka's mock where errors are injected, and without one.

mod absent;
mod broker;
mod faults;
mod outage;
mod partitions;
mod queue;
mod records;
mod settings;
#[cfg(target_os = "linux")]
mod threads;
mod topics;
