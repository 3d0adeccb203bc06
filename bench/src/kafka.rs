//! What payflow costs on Kafka, beside the least that librdkafka can do.

mod awaited;
mod cluster;
mod consume;
mod contender;
mod drain;
mod fill;
mod floor;
mod lag;
mod latency;
mod measure;
mod payment;
mod poll_floor;
mod queue_floor;
mod report;

pub(crate) use awaited::{Awaited, produce};
pub(crate) use cluster::{Cluster, fresh_name, parse_brokers};
pub(crate) use consume::{Consume, consume};
pub(crate) use contender::run as run_contender;
pub(crate) use drain::Drain;
pub(crate) use fill::{Fill, fill};
pub(crate) use lag::{Lag, lag};
pub(crate) use latency::{Latency, latency};
pub(crate) use measure::{Plan, measure};
pub(crate) use poll_floor::poll_floor;
pub(crate) use queue_floor::queue_floor;
pub(crate) use report::{Meter, Report, runtime};

#[cfg(test)]
mod tests;
