//! A pipeline in this process, for tests that look at what the handler is given.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{
    Currency, DeadLetters, Error, Handler, JsonCodec, Message, Order, PaymentRequest, Pipeline,
    PipelineConfig, PipelineSnapshot, RebalanceProtocol,
};
use payflow_kafka::{KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig};
use payflow_proof::Place;

use crate::PATIENCE;
use crate::cluster::Cluster;

/// What a handler was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handled {
    pub(crate) place: Place,
    pub(crate) user: String,
    pub(crate) minor: i64,
    pub(crate) method: String,
}

impl Handled {
    fn of(message: &Message<PaymentRequest>) -> Self {
        let (body, delivery) = (message.body(), message.delivery());
        Self {
            place: Place { partition: delivery.partition, offset: delivery.offset },
            user: body.user_id().as_str().to_owned(),
            minor: body.amount().minor(),
            method: body.method().as_str().to_owned(),
        }
    }
}

/// Handles the topic's records in its group, in EUR if they do not say and in the order of each partition, until that is
/// enough; then ends cleanly. The group may be one that Go services take part in.
pub(crate) fn handle(
    cluster: &Cluster,
    enough: impl Fn(&[Handled], PipelineSnapshot) -> bool + Send + Sync,
) -> (Vec<Handled>, PipelineSnapshot) {
    let handled = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let handled = Arc::clone(&handled);
        move |message: Message<PaymentRequest>| {
            handled.lock().expect("nothing panicked").push(Handled::of(&message));
            std::future::ready(Ok::<(), Error>(()))
        }
    };
    let snapshot = run(cluster, Order::ByPartition, handler, |snapshot| {
        enough(&handled.lock().expect("nothing panicked"), snapshot)
    });
    let handled = std::mem::take(&mut *handled.lock().expect("nothing panicked"));
    (handled, snapshot)
}

/// The same with a handler of the test's own.
pub(crate) fn run(
    cluster: &Cluster,
    order: Order,
    handler: impl Handler<PaymentRequest> + 'static,
    enough: impl Fn(PipelineSnapshot) -> bool + Send + Sync,
) -> PipelineSnapshot {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let group = KafkaConsumerConfig::new(&cluster.group).with_protocol(RebalanceProtocol::Eager);
        let consumer = KafkaConsumer::new(&cluster.config(), &group, std::slice::from_ref(&cluster.topic));
        let producer = KafkaProducer::new(&cluster.config(), &KafkaProducerConfig::new());
        let producer = Arc::new(producer.expect("the settings are good"));
        let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR").expect("a currency"));
        let pipeline = Pipeline::new(
            consumer.expect("the settings are good"),
            codec,
            handler,
            DeadLetters::new(producer, cluster.dead_letters.clone()),
            PipelineConfig::new().with_order(order),
        );
        let pipeline = pipeline.expect("the settings are good");
        let handle = pipeline.handle();
        let seen_enough = async {
            while !enough(handle.snapshot()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let stop = async {
            let in_time = tokio::time::timeout(PATIENCE, seen_enough).await;
            assert!(in_time.is_ok(), "not enough after {PATIENCE:?}: {:?}", handle.snapshot());
        };
        pipeline.run(stop).await.expect("it ends well");
        handle.snapshot()
    })
}
