//! What the demo can be told.

use std::net::SocketAddr;

use clap::Parser;
use payflow_core::Currency;
use payflow_program::{
    CURRENCY, Declaration, HTTP_ADDR, LOGGING, Logging, Readable, StartError, Values, settings,
};

use crate::fault::InjectedFault;

/// The whole path in one process: POST /pay, intake, topic, pipeline, notification.
///
/// Without --payments it sends a few payments as samples, shows each notification, and serves until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "demo", version)]
pub(crate) struct Flags {
    /// Send so many payments through HTTP, check what became of each, and end; exit code 1 if anything is lost, doubled
    /// or out of order. Serves on a free port unless an address is told
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=PAYMENTS_MAX))]
    payments: Option<u32>,

    /// With --payments: how many users pay, in turn [default: 100]
    #[arg(long, value_name = "U", value_parser = clap::value_parser!(u32).range(1..=PAYMENTS_MAX))]
    users: Option<u32>,

    /// With --payments: how many users pay at the same time, each one payment after the other [default: 32]
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=CONCURRENCY_MAX))]
    concurrency: Option<u32>,

    /// With --payments: print one JSON object and no table
    #[arg(long)]
    json: bool,

    /// With --payments: break the path on purpose, to see the check fail
    #[arg(long, value_name = "KIND")]
    fault: Option<InjectedFault>,
}

/// What is known of each payment is kept until the end: with the topic, a million take about 700 MB.
const PAYMENTS_MAX: i64 = 1_000_000;
/// Below the connections that the server takes.
const CONCURRENCY_MAX: i64 = 512;

settings! {
    /// What programs of payflow share, with the demo's defaults.
    #[derive(Debug)]
    pub(crate) struct Settings {
        pub(crate) front_door: FrontDoor = FrontDoorSetting,
        pub(crate) currency: Currency = CURRENCY.default("EUR"),
        pub(crate) logging: Logging = LOGGING.default_level("warn"),
    }
}

/// Where to serve: one address if it was told, else each mode has a default of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrontDoor {
    /// To be found by others.
    pub(crate) to_show: SocketAddr,
    /// To be found by this process alone, so that two runs do not clash.
    pub(crate) to_load: SocketAddr,
}

struct FrontDoorSetting;

impl Readable for FrontDoorSetting {
    type Value = FrontDoor;

    fn declare(&self, into: &mut Vec<Declaration>) {
        HTTP_ADDR.declare(into);
    }

    fn read(&self, values: &mut Values) -> Option<FrontDoor> {
        Some(FrontDoor {
            to_show: HTTP_ADDR.read(values)?,
            to_load: HTTP_ADDR.default("127.0.0.1:0").read(values)?,
        })
    }
}

/// What the demo is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    Show,
    Load(Load),
}

/// How many payments are sent, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) payments: u32,
    /// At most as many as there are payments.
    pub(crate) users: u32,
    /// At most as many as there are users.
    pub(crate) concurrency: u32,
    pub(crate) json: bool,
    pub(crate) fault: Option<InjectedFault>,
}

impl Flags {
    /// Refuses flags that make no sense together.
    pub(crate) fn mode(&self) -> Result<Mode, StartError> {
        let Some(payments) = self.payments else {
            return self.check_show().map(|()| Mode::Show);
        };
        let users = self.users.unwrap_or(100).min(payments);
        if self.fault == Some(InjectedFault::Swap) && payments < users.saturating_mul(2) {
            return Err(refusal(&format!(
                "--fault swap needs two payments of each user to swap: raise --payments to {} or lower --users",
                users.saturating_mul(2)
            )));
        }
        Ok(Mode::Load(Load {
            payments,
            users,
            concurrency: self.concurrency.unwrap_or(32).min(users),
            json: self.json,
            fault: self.fault,
        }))
    }

    fn check_show(&self) -> Result<(), StartError> {
        let for_load_only = [
            ("--fault", self.fault.is_some()),
            ("--users", self.users.is_some()),
            ("--concurrency", self.concurrency.is_some()),
            ("--json", self.json),
        ];
        match for_load_only.into_iter().find(|(_, is_told)| *is_told) {
            None => Ok(()),
            Some((flag, _)) => {
                Err(refusal(&format!("{flag} works only with --payments: add it, such as --payments 1000")))
            }
        }
    }
}

fn refusal(reason: &str) -> StartError {
    StartError::Flags(format!("error: {reason}\n\nFor more information, try '--help'.\n"))
}
