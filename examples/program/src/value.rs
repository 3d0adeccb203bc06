//! What settings become.

mod address;
mod brokers;
mod group;
mod notify_url;
mod partitioner;
mod topics;

pub(crate) use address::parse_address;
pub use brokers::KafkaBrokers;
pub use group::GroupId;
pub use notify_url::NotifyUrl;
pub use partitioner::Partitioner;
pub use topics::{TopicSettings, Topics};
