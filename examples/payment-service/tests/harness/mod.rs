//! The services as processes, what they are asked over HTTP, and the Kafka between them.
#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

mod http;
mod kafka;
mod load;
mod outcome;
mod own_broker;
mod program;

pub(crate) use http::{await_status, get, pay};
pub(crate) use kafka::{Kafka, shared_brokers, unique};
pub(crate) use load::{Answered, Load};
pub(crate) use outcome::{check_answers, check_topic, summary};
pub(crate) use own_broker::OwnBroker;
pub(crate) use program::{Ended, Program, service, warnings};

/// How long a broker is away in the tests of an outage: enough for sends to be given up. `PAYFLOW_TEST_OUTAGE_SECONDS`
/// makes it longer.
pub(crate) fn outage() -> std::time::Duration {
    let told = std::env::var("PAYFLOW_TEST_OUTAGE_SECONDS").ok();
    let seconds = told.map_or(10, |text| text.parse().expect("PAYFLOW_TEST_OUTAGE_SECONDS is a number"));
    std::time::Duration::from_secs(seconds)
}
