//! What every example program needs: settings from flags, environment and a file; the log; the shutdown signals.
//!
//! A program names the settings that it takes, each with the type that it becomes, and adds flags of its own:
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use clap::Parser;
//! use payflow_core::Currency;
//! use payflow_program::{CURRENCY, HTTP_ADDR, Inputs, LOGGING, Logging, settings};
//!
//! /// Takes payments.
//! #[derive(Parser)]
//! struct Flags {
//!     /// End after this many payments.
//!     #[arg(long)]
//!     payments: Option<u64>,
//! }
//!
//! settings! {
//!     struct Settings {
//!         http_addr: SocketAddr = HTTP_ADDR,
//!         currency: Currency = CURRENCY.default("EUR"),
//!         logging: Logging = LOGGING,
//!     }
//! }
//!
//! // A program calls `payflow_program::read_or_exit()`, which takes them from the process.
//! let inputs = Inputs::new(["shop", "--payments", "3"], [("PAYFLOW_HTTP_ADDR", ":9000")]);
//! let program = payflow_program::read::<Flags, Settings>(&inputs)?;
//!
//! assert_eq!(program.flags.payments, Some(3));
//! assert_eq!(program.settings.http_addr.to_string(), "0.0.0.0:9000");
//! assert_eq!(program.settings.currency.code(), "EUR");
//! program.settings.logging.start(&program.warnings);
//! # Ok::<(), payflow_program::StartError>(())
//! ```
//!
//! A setting is told by its flag (`--http-addr`), its environment variable (`PAYFLOW_HTTP_ADDR`) or its key in a TOML
//! file (`http_addr`; the file is named by `--config` or `PAYFLOW_CONFIG`). The first of them that is there counts, then
//! the default. Only what counts is checked, and everything that is wrong with it is told at once.
//!
//! # Features
//! - `kafka`: what programs on Kafka share: `TopicFlags` and `await_kafka`. Builds librdkafka.
#![forbid(unsafe_code)]

mod catalogue;
mod closest;
mod declaration;
mod file;
#[cfg(feature = "kafka")]
mod kafka;
mod logging;
mod problem;
mod read;
mod setting;
mod signal;
mod value;
mod values;

pub use catalogue::{
    CURRENCY, GROUP, GRPC_ADDR, HTTP_ADDR, KAFKA_BROKERS, LOGGING, NOTIFY_URL, PARTITIONER, TOPIC, TOPICS,
};
pub use declaration::Declaration;
#[cfg(feature = "kafka")]
pub use kafka::{TopicFlags, await_kafka};
pub use logging::{LogFormat, LogLevel, Logging, LoggingSettings};
pub use problem::{InvalidSettings, Origin, Problem};
pub use read::{Inputs, Program, StartError, read, read_or_exit};
pub use setting::{OptionalSetting, ProgramSettings, Readable, Setting};
pub use signal::{Signal, shutdown_signal};
pub use value::{GroupId, KafkaBrokers, NotifyUrl, Partitioner, TopicSettings, Topics};
pub use values::Values;
