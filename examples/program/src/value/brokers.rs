//! Kafka's brokers.

use std::fmt;
use std::net::Ipv6Addr;

use super::address::parse_port;

/// At least one broker, each as host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaBrokers(String);

impl KafkaBrokers {
    /// Separated by commas, as Kafka's clients take them: `kafka-1:9092,kafka-2:9092`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut brokers = Vec::new();
        for broker in text.split(',').map(str::trim) {
            check_broker(broker)?;
            brokers.push(broker);
        }
        Ok(Self(brokers.join(",")))
    }
}

impl fmt::Display for KafkaBrokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_broker(broker: &str) -> Result<(), &'static str> {
    if broker.is_empty() {
        return Err("has an empty entry");
    }
    if broker.contains("://") || broker.contains('@') {
        return Err("has more than host and port in an entry");
    }
    let (host, port) = broker.rsplit_once(':').ok_or("has an entry without a port")?;
    if !is_host(host) {
        return Err("has an entry without a legal host");
    }
    match parse_port(port) {
        Some(1..) => Ok(()),
        _ => Err("has an entry without a port from 1 to 65535"),
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
pub(super) fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=253).contains(&text.len()) && text.bytes().all(allowed)
}
