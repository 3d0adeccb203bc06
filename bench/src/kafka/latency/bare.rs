//! The bare way: a `FutureProducer`, and a loop around `BaseConsumer::poll`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::FutureRecord;
use tokio::runtime::Runtime;

use super::arrivals::Arrivals;
use super::records::{Records, minor};
use super::sender::{Sent, send};
use super::{Latency, Source};
use crate::http::bare_producer;
use crate::kafka::floor::{Commits, WAIT, client_config};
use crate::kafka::payment::Borrowed;

pub(super) fn carry(
    runtime: &Runtime,
    latency: &Latency,
    source: &Source,
    arrivals: &Arrivals,
) -> anyhow::Result<Sent> {
    let _entered = runtime.enter();
    let consumer: BaseConsumer = client_config(source).create().context("no consumer")?;
    consumer.subscribe(&[source.topic.as_str()])?;
    let producer = bare_producer(&source.brokers)?;
    let records = Records::new();
    let stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        let received = scope.spawn(|| receive(&consumer, arrivals, &stopped));
        let sent = send(latency.pace(), latency.seconds, arrivals, |amount| {
            let (user, value) = records.record(amount);
            let record = FutureRecord::to(source.topic.as_str()).key(user).payload(&value);
            let sending = producer.send_result(record).map_err(|(error, _)| error);
            let sending = sending.context("the producer takes no more: it cannot keep this pace")?;
            Ok(async move {
                let decided = sending.await.context("the producer is gone")?;
                let _place = decided.map_err(|(error, _)| error)?;
                Ok(())
            })
        });
        stopped.store(true, Ordering::Relaxed);
        let received = received.join().map_err(|_| anyhow::anyhow!("the receiving thread panicked"))?;
        let sent = sent?;
        received?;
        Ok(sent)
    })
}

fn receive(consumer: &BaseConsumer, arrivals: &Arrivals, stopped: &AtomicBool) -> anyhow::Result<()> {
    let mut commits = Commits::new();
    let mut received = 0;
    while !stopped.load(Ordering::Relaxed) {
        match consumer.poll(WAIT) {
            Some(Ok(message)) => {
                let payment = Borrowed::read(message.payload().unwrap_or_default())
                    .context("a record is no payment: name a topic that is empty")?;
                arrivals.note(minor(payment.amount));
                received += 1;
            }
            Some(Err(error)) => eprintln!("receiving fails, and is tried again: {error}"),
            None => {}
        }
        commits.when_due(received, consumer)?;
    }
    commits.rest(consumer)
}
