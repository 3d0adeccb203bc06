//! Dead letters, as the commands on them share them.

use std::str::FromStr;

use jiff::Timestamp;
use payflow_core::{Consumer as _, Delivery, Error, Fault, Inbound, RedriveFilter, Room, Topic};
use payflow_kafka::KafkaReader;

use crate::args::FilterArgs;

/// A fault by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FaultName(Fault);

impl FromStr for FaultName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let faults = [Fault::Transient { retry_after: None }, Fault::Permanent, Fault::Unknown, Fault::Fatal];
        let found = faults.into_iter().find(|fault| fault.as_str() == text);
        found.map(Self).ok_or_else(|| "expected transient, permanent, unknown or fatal".to_owned())
    }
}

impl FilterArgs {
    pub(crate) fn filter(&self, now: Timestamp) -> RedriveFilter {
        let mut filter = RedriveFilter::new();
        for topic in &self.topic {
            filter = filter.with_topic(topic.clone());
        }
        for FaultName(fault) in &self.fault {
            filter = filter.with_fault(*fault);
        }
        for stage in &self.stage {
            filter = filter.with_stage(stage);
        }
        if let Some(since) = self.since {
            filter = filter.with_since(since.seen_from(now));
        }
        if let Some(until) = self.until {
            filter = filter.with_until(until.seen_from(now));
        }
        match &self.key {
            Some(key) => filter.with_key(key.clone()),
            None => filter,
        }
    }
}

pub(crate) fn parse_topic(text: &str) -> Result<Topic, String> {
    Topic::parse(text).map_err(|error| error.to_string())
}

/// A time as tables and JSON show it: UTC, to the second.
pub(crate) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Shows each record of the reader to `look`, to the end.
pub(crate) async fn read_all(mut reader: KafkaReader, mut look: impl FnMut(Delivery)) -> Result<(), Error> {
    let mut inbound = Inbound::default();
    loop {
        inbound.clear();
        reader.receive(&mut inbound, Room { records: 100, bytes: 16 << 20, first_may_exceed: true }).await?;
        inbound.deliveries.drain().for_each(&mut look);
        if inbound.ended {
            return Ok(());
        }
    }
}
