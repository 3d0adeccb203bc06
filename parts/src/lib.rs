//! Gets the real parts that payflow works with, starts them for tests and tools, and stops them.
//!
//! So far one part: [`KafkaBroker`], an Apache Kafka of its own on the loopback, or three of them that know each other, a
//! [`KafkaCluster`]. It needs Java and Maven, and Linux.
//!
//! ```no_run
//! use payflow_parts::KafkaBroker;
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut broker = KafkaBroker::start()?;
//! println!("connect to {}", broker.brokers());
//! broker.kill(); // as a crash does
//! broker.start_again()?; // same address, same data: clients find it again
//! broker.stop()?; // as an operator does
//! # Ok(())
//! # }
//! ```
//!
//! What was started is named by its process id and nothing else: no process of somebody else is ever waited for or
//! ended. It ends with the [`KafkaBroker`] that stands for it, also when the process that holds it is killed.

#![forbid(unsafe_code)]

mod cache;
mod go;
mod kafka;
mod listener;
mod ports;
mod process;
mod program;
mod scratch;

pub use cache::cache;
pub use go::check_go;
pub use kafka::{KafkaBroker, KafkaCluster, KafkaConfig, check_kafka};
pub use ports::free_port;
pub use process::own_group;
