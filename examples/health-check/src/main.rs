//! Asks a service on this machine whether it is ready: the health check of a container that holds no shell and no curl.
//!
//! ```text
//! health-check --http-addr 127.0.0.1:8080
//! ```
//!
//! It takes the address from the same settings as the service, so that one that was moved is found.
#![forbid(unsafe_code)]

mod ask;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use payflow_program::{HTTP_ADDR, read_or_exit, settings};

use ask::ask;

/// Asks a service on this machine whether it is ready, prints its answer, and ends with 0 if it is, else with 1.
///
/// It asks GET /readyz: whether the service can do its work now, for which it needs Kafka. With --live it asks GET /livez:
/// whether it answers and its work goes on, which an outage of Kafka does not change.
///
/// Where no address is told, it asks payment-service at its default, 127.0.0.1:8080. That of notification-service is
/// 127.0.0.1:8081: tell it by --http-addr or PAYFLOW_HTTP_ADDR.
#[derive(Debug, Parser)]
#[command(name = "health-check", version)]
struct Flags {
    /// Ask whether the service is alive, not whether it is ready
    #[arg(long)]
    live: bool,
}

settings! {
    /// Where the service was told to serve HTTP. One that serves on every address is asked on the loopback.
    #[derive(Debug)]
    struct Settings {
        http_addr: SocketAddr = HTTP_ADDR,
    }
}

fn main() -> ExitCode {
    let program = read_or_exit::<Flags, Settings>();
    let path = if program.flags.live { "/livez" } else { "/readyz" };
    // Whoever runs this keeps what it prints: Docker shows it in `docker inspect`.
    match ask(program.settings.http_addr, path) {
        Ok(answer) => {
            println!("{answer}");
            if answer.is_yes() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
