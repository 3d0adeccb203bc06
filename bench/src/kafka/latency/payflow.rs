//! Payflow's way: its producer, its consumer, and the pipeline.

use std::slice;
use std::sync::Arc;

use anyhow::Context;
use payflow_core::{
    Error, Handler, JsonCodec, Message, PaymentRequest, Pipeline, PipelineConfig, Producer as _, Record,
};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::arrivals::Arrivals;
use super::records::Records;
use super::sender::{Sent, send};
use super::{Latency, Source};
use crate::dispatch::nowhere;
use crate::kafka::payment::currency;

pub(super) fn carry(
    runtime: &Runtime,
    latency: &Latency,
    source: &Source,
    arrivals: &Arc<Arrivals>,
) -> anyhow::Result<Sent> {
    let _entered = runtime.enter();
    let cluster = KafkaConfig::new(source.brokers.as_str()).with_client_id("payflow-bench");
    let group = KafkaConsumerConfig::new(&source.group);
    let consumer = KafkaConsumer::new(&cluster, &group, slice::from_ref(&source.topic))?;
    let codec = JsonCodec::new().with_default_currency(currency()?);
    let handler = Note(Arc::clone(arrivals));
    let pipeline = Pipeline::new(consumer, codec, handler, nowhere()?, PipelineConfig::new())?;
    let (stop, stopped) = oneshot::channel::<()>();
    let running = runtime.spawn(pipeline.run(async {
        // An error is an end as well.
        let _ = stopped.await;
    }));

    let producer = Arc::new(KafkaProducer::new(&cluster, &KafkaProducerConfig::new())?);
    let records = Records::new();
    let sent = send(latency.pace(), latency.seconds, arrivals, |amount| {
        let (user, value) = records.record(amount);
        let record = Record::new(source.topic.clone(), value).with_key(user.to_owned());
        let producer = Arc::clone(&producer);
        Ok(async move {
            let _receipt = producer.send(record).await?;
            Ok(())
        })
    });
    drop(stop);
    let ended = runtime.block_on(running).context("the pipeline's task failed")?;
    let sent = sent?;
    ended?;
    Ok(sent)
}

struct Note(Arc<Arrivals>);

impl Handler<PaymentRequest> for Note {
    async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
        // No amount is below zero.
        self.0.note(message.body().amount().minor().unsigned_abs());
        Ok(())
    }
}
