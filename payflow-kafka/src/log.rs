//! Log lines: librdkafka's own, and each of ours once.

use rdkafka::config::RDKafkaLogLevel;
use tracing::debug;

/// librdkafka's lines are for whoever looks for a cause; what a person on call must know, payflow says itself.
pub(crate) fn forward(level: RDKafkaLogLevel, facility: &str, message: &str) {
    debug!(target: "payflow_kafka::librdkafka", ?level, facility, message);
}

/// Tells the first of equal things from its repeats.
#[derive(Debug)]
pub(crate) struct Once<T>(Vec<T>);

impl<T: PartialEq> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether it was not seen since the last [`clear`](Self::clear).
    pub(crate) fn first(&mut self, thing: T) -> bool {
        let first = !self.0.contains(&thing);
        if first {
            self.0.push(thing);
        }
        first
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
