//! Takes payments over HTTP and gRPC and hands them to Kafka: `POST /pay` and `Pay` to `payment-topic`.
//!
//! ```text
//! payment-service --kafka-brokers 127.0.0.1:9092 --currency EUR --ensure-topics
//! ```
//!
//! How the parts are put together is in `service.rs`.
#![forbid(unsafe_code)]

mod admission;
mod service;
mod settings;

use std::process::ExitCode;

use payflow_program::read_or_exit;

use settings::{Flags, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let program = read_or_exit::<Flags, Settings>();
    program.settings.logging.start(&program.warnings);

    match service::run(&program.flags, &program.settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
