//! The broker that the tests use.

use std::env;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};
use payflow_parts::{KafkaBroker, check_kafka};

use crate::step::Steps;

/// The setting that names a broker to the tests.
pub(crate) const BROKERS: &str = "PAYFLOW_TEST_BROKERS";

/// How long a broker that is there may take to let somebody in.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Where a broker will come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// One that is there, under this address. None is started, and none is stopped.
    There(String),
    /// One of our own.
    Own,
}

impl Source {
    /// Looks whether there is one, else whether one can be started.
    ///
    /// # Errors
    ///
    /// Nothing answers where one should be; or a part is missing.
    pub(crate) fn find() -> anyhow::Result<Self> {
        match env::var(BROKERS).ok().filter(|brokers| !brokers.trim().is_empty()) {
            Some(brokers) => {
                connect(&brokers)?;
                if let Err(missing) = check_kafka() {
                    eprintln!("tests that start a broker of their own will fail: {missing:#}");
                }
                Ok(Self::There(brokers))
            }
            None => check_kafka().map(|()| Self::Own),
        }
    }

    /// Starts a broker, if need be.
    pub(crate) fn provide(&self, steps: &mut Steps) -> anyhow::Result<Broker> {
        match self {
            Self::There(brokers) => Ok(Broker::There(brokers.clone())),
            Self::Own => {
                let mut started = None;
                steps.time("start broker", "Apache Kafka on a free port", || {
                    started = Some(KafkaBroker::start()?);
                    Ok(())
                })?;
                started.map(Broker::Own).context("the broker was not started")
            }
        }
    }
}

/// A broker that runs. Dropped, ours ends.
#[derive(Debug)]
pub(crate) enum Broker {
    There(String),
    Own(KafkaBroker),
}

impl Broker {
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::There(brokers) => brokers,
            Self::Own(broker) => broker.brokers(),
        }
    }

    /// Tells what the broker has to say about tests that failed, before its log goes.
    pub(crate) fn tell_end(&mut self) {
        let Self::Own(broker) = self else { return };
        if let Ok(Some(status)) = broker.ended() {
            eprintln!("\nthe broker ended by itself ({status})");
        }
        eprintln!("\nthe end of the broker's log:\n{}", broker.log_tail());
    }

    /// What has to be known in order to repeat the step.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::There(_) => "",
            Self::Own(_) => {
                "; that broker is gone, and `cargo xtask broker` starts another one and prints its address"
            }
        }
    }
}

/// A client takes the first of the addresses that lets it in.
fn connect(brokers: &str) -> anyhow::Result<()> {
    let mut cause = None;
    for broker in brokers.split(',') {
        match connect_one(broker.trim()) {
            Ok(()) => return Ok(()),
            Err(error) => cause = Some(error),
        }
    }
    let remedy =
        format!("{BROKERS} names {brokers}: start a broker there, or unset it and one will be started");
    match cause {
        Some(error) => Err(error.context(remedy)),
        None => bail!(remedy),
    }
}

fn connect_one(broker: &str) -> anyhow::Result<()> {
    let addresses = broker.to_socket_addrs().with_context(|| format!("{broker} is no address"))?;
    let connected =
        addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, CONNECT_LIMIT).is_ok());
    if !connected {
        bail!("nothing listens on {broker}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn one_of_several_addresses_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let free = payflow_parts::free_port().unwrap();

        connect(&format!("127.0.0.1:{free}, {there}")).unwrap();
    }

    #[test]
    fn broker_that_is_not_there_is_named_with_the_setting() {
        let free = payflow_parts::free_port().unwrap();
        let error = connect(&format!("127.0.0.1:{free}")).unwrap_err();

        let text = format!("{error:#}");
        assert!(text.starts_with("PAYFLOW_TEST_BROKERS names 127.0.0.1:"), "{text}");
        assert!(text.ends_with(&format!("nothing listens on 127.0.0.1:{free}")), "{text}");
        assert!(format!("{:#}", connect("here").unwrap_err()).contains("here is no address"));
    }
}
