//! The floor that every user of the wrapper knows: one record by each poll.

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _};

use super::drain::{Drain, Source};
use super::floor::{Run, WAIT, client_config, look_at};
use super::report::Report;

/// Drains a topic by a bare loop around `BaseConsumer::poll`, and prints what it took.
pub(crate) fn poll_floor(drain: &Drain) -> anyhow::Result<()> {
    drain.run(|source| carry(drain, source))
}

fn carry(drain: &Drain, source: &Source) -> anyhow::Result<Report> {
    let mut run = Run::start(drain, source);
    let consumer: BaseConsumer = client_config(source).create().context("no consumer")?;
    consumer.subscribe(&[source.topic.as_str()])?;
    while run.left() > 0 {
        match consumer.poll(WAIT) {
            Some(Ok(message)) => {
                if drain.headers
                    && let Some(headers) = message.headers()
                {
                    headers.iter().for_each(|header| look_at(header.key.as_bytes(), header.value));
                }
                run.handle(message.payload().unwrap_or_default())?;
            }
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                return Err(KafkaError::MessageConsumptionFatal(code).into());
            }
            // A broker that is away for a moment, and the like: librdkafka goes on by itself.
            Some(Err(error)) => eprintln!("receiving fails, and is tried again: {error}"),
            None => {}
        }
        run.commit(&consumer)?;
    }
    run.end(&consumer)
}
