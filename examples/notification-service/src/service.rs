//! The service, put together from payflow's parts. To build one of your own, copy from here.
//!
//! ```text
//! payment-topic ─▶ KafkaConsumer ─▶ Pipeline ─▶ NotifyPayer ─┬▶ Once ─▶ LogNotifier
//!                                       └─▶ DeadLetters ─▶ KafkaProducer ─▶ payment-topic.dead-letters
//! HandleNotification(...), Notify(...) ─▶ GrpcRouter ────────┘
//! ```
//!
//! With `--notify-url` the pipeline's handler is a `GrpcHandler`, and another such service does the rest.

use std::slice;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use payflow_core::{
    DeadLetters, Handler, JsonCodec, MemoryInbox, Once, Order, PaymentRequest, Pipeline, PipelineConfig,
    PipelineHandle, Producer,
};
use payflow_http::{Server, ServerConfig};
use payflow_kafka::{
    KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaHealth, KafkaProducer, KafkaProducerConfig,
    KafkaTopics, TopicsFound,
};
use payflow_program::{await_kafka, shutdown_signal};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::grpc;
use crate::health::{self, Live};
use crate::log_notifier::LogNotifier;
use crate::pulse::Pulse;
use crate::settings::{Flags, Settings};

/// Notifies until SIGTERM or SIGINT, then finishes what is under way, commits it and leaves the group.
pub(crate) async fn run(flags: &Flags, settings: &Settings) -> Result<()> {
    let stop = CancellationToken::new();
    let signal = shutdown_signal()?;
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signal.await;
            stop.cancel();
        }
    });

    // Health is served from the first moment to the last.
    let listener = TcpListener::bind(settings.http_addr).await.with_context(|| {
        format!(
            "cannot serve on {}; set another address by --http-addr or PAYFLOW_HTTP_ADDR",
            settings.http_addr
        )
    })?;
    let address = listener.local_addr()?;
    let (pulse, looks) = (Arc::new(Pulse::new()), Arc::new(OnceLock::<Looks>::new()));
    let live = {
        let (pulse, looks, stop) = (Arc::clone(&pulse), Arc::clone(&looks), stop.clone());
        move || {
            let pipeline = looks.get().map(|looks| looks.pipeline.health());
            Live::of(pulse.is_felt(), pipeline, stop.is_cancelled())
        }
    };
    let ready = {
        let (looks, stop) = (Arc::clone(&looks), stop.clone());
        // An idle member of the group is ready too: it takes over when another one ends.
        move || looks.get().is_some_and(|looks| looks.kafka.is_connected()) && !stop.is_cancelled()
    };
    let routes = health::routes(live, ready);
    let ended = CancellationToken::new();
    let server = Server::new(ServerConfig::new())?;
    // In a task of its own: it answers even if the work hangs, which is what it is asked about.
    let serve = tokio::spawn({
        let (ended, stop) = (ended.clone(), stop.clone());
        async move {
            let served = server.run(listener, routes, ended.cancelled_owned()).await;
            stop.cancel();
            served
        }
    });

    let channel = Arc::new(Once::new(LogNotifier, MemoryInbox::new()));
    let remote = settings.notify_url.as_ref().map(grpc::remote).transpose()?;
    let for_others = match &remote {
        None => Some(grpc::Service::bind(settings.grpc_addr, &channel, settings.currency, &stop).await?),
        Some(_) => None,
    };
    let addresses = Addresses {
        health: address.to_string(),
        grpc: for_others.as_ref().map(|service| service.address.to_string()),
        remote: settings.notify_url.as_ref().map(ToString::to_string),
    };
    let serve_others = tokio::spawn({
        let stop = stop.clone();
        async move {
            let Some(service) = for_others else { return Ok(()) };
            let served = service.serve(stop.clone()).await;
            stop.cancel();
            served
        }
    });

    let cluster = KafkaConfig::new(settings.kafka_brokers.as_str()).with_client_id("notification-service");
    let work = async {
        let Some(found) = topics(&cluster, flags, settings, &addresses, &stop).await? else {
            return Ok(());
        };
        match remote {
            Some(remote) => notify(&cluster, settings, &found, remote, &looks, &stop).await,
            None => notify(&cluster, settings, &found, grpc::composer(&channel), &looks, &stop).await,
        }
    };
    let all_work = async {
        let worked = work.await;
        // Work that failed ends the service, and so what it does for others.
        stop.cancel();
        (worked, serve_others.await)
    };
    let (worked, served_others) = pulse.beside(all_work).await;
    ended.cancel();
    let served = serve.await?;
    worked?;
    served_others??;
    served?;
    info!("drained");
    Ok(())
}

/// Waits for Kafka, and looks whether the topics are there and fit each other. `None`: it was stopped before.
async fn topics(
    cluster: &KafkaConfig,
    flags: &Flags,
    settings: &Settings,
    addresses: &Addresses,
    stop: &CancellationToken,
) -> Result<Option<TopicsFound>> {
    let topics = KafkaTopics::new(cluster)?.with_timeout(TOPICS_TIMEOUT);
    let (payments, dead_letters) = (settings.topics.topic(), settings.topics.dead_letter_topic());
    let prepare = async || {
        flags.topics.ensure_with_dead_letters(&topics, &settings.topics).await?;
        let found = topics.check(&[payments.clone(), dead_letters.clone()]).await?;
        found.check_dead_letters(payments, dead_letters)?;
        Ok(found)
    };
    // One line says that the service runs: what it says of Kafka is no second one.
    let (topic, group, brokers) =
        (payments.as_str(), settings.group.as_str(), settings.kafka_brokers.as_str());
    let Addresses { health, grpc, remote } = addresses;
    let (grpc, remote) = (grpc.as_deref(), remote.as_deref());
    let tell = |kafka: Result<(), String>| match kafka {
        Ok(()) => info!(health, grpc, remote, topic, group, "notifying"),
        Err(cause) => {
            warn!(
                health,
                grpc,
                remote,
                topic,
                group,
                brokers,
                cause,
                "started, but nothing is received until Kafka answers at --kafka-brokers (PAYFLOW_KAFKA_BROKERS)"
            );
        }
    };
    Ok(stop.run_until_cancelled(await_kafka(prepare, tell)).await.transpose()?)
}

/// Hands each payment to the handler, until `stop`; then everything finished is committed, and the group is left.
async fn notify(
    cluster: &KafkaConfig,
    settings: &Settings,
    found: &TopicsFound,
    handler: impl Handler<PaymentRequest> + 'static,
    looks: &OnceLock<Looks>,
    stop: &CancellationToken,
) -> Result<()> {
    let (payments, dead_letters) = (settings.topics.topic(), settings.topics.dead_letter_topic());

    // The largest record that the topic takes must fit through the client too.
    let largest = found.get(dead_letters).and_then(|topic| topic.max_message_bytes);
    let largest = largest.map_or(RECORD_BYTES, |bytes| bytes.clamp(RECORD_BYTES, RECORD_BYTES_MAX));
    let set_aside = cluster.clone().with_property("message.max.bytes", &largest.to_string())?;
    let producer = Arc::new(KafkaProducer::new(&set_aside, &KafkaProducerConfig::new())?);

    let group = KafkaConsumerConfig::new(settings.group.as_str());
    let consumer = KafkaConsumer::new(cluster, &group, slice::from_ref(payments))?;
    let kafka = consumer.health();
    let pipeline = Pipeline::new(
        consumer,
        JsonCodec::new().with_default_currency(settings.currency),
        handler,
        DeadLetters::new(Arc::clone(&producer) as Arc<dyn Producer>, dead_letters.clone()),
        PipelineConfig::new().with_order(Order::ByKey),
    )?;
    looks.get_or_init(|| Looks { kafka, pipeline: pipeline.handle() });

    pipeline.run(stop.cancelled()).await?;
    // A dead letter that was cut off comes again; one that is out already shall not wait for that.
    producer.flush().await?;
    Ok(())
}

/// Where it is reached, and what it reaches.
struct Addresses {
    health: String,
    grpc: Option<String>,
    remote: Option<String>,
}

/// What health looks at, once the work has begun.
struct Looks {
    kafka: KafkaHealth,
    pipeline: PipelineHandle,
}

/// How long Kafka may take to answer about the topics, before it is asked again.
const TOPICS_TIMEOUT: Duration = Duration::from_secs(5);
/// librdkafka's default for the largest record, in bytes, and the most that it can be told.
const RECORD_BYTES: usize = 1_000_000;
const RECORD_BYTES_MAX: usize = 1_000_000_000;
