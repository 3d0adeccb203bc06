//! The service, put together from payflow's parts. To build one of your own, copy from here.
//!
//! ```text
//! POST /pay ─▶ PaymentRouter ─┬▶ Bounded ─▶ DirectIntake ─▶ KafkaProducer ─▶ payment-topic
//! Pay(...)  ─▶ GrpcRouter ────┘
//! ```

use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use payflow_core::{DirectIntake, Intake, JsonCodec, Producer};
use payflow_grpc::GrpcRouter;
use payflow_http::{PaymentRouter, Server, ServerConfig};
use payflow_kafka::{KafkaConfig, KafkaHealth, KafkaProducer, KafkaProducerConfig, KafkaTopics};
use payflow_program::{await_kafka, shutdown_signal};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::admission::Bounded;
use crate::settings::{Flags, Settings};

/// Takes payments until SIGTERM or SIGINT, then drains: requests under way get their answer. It drains and fails where no
/// payment can be taken any more.
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

    // To Kafka. Neither waits for a broker: one that is away is found as soon as it is back.
    let cluster = KafkaConfig::new(settings.kafka_brokers.as_str()).with_client_id("payment-service");
    let config = KafkaProducerConfig::new().with_partitioner(settings.partitioner.into());
    let producer = Arc::new(KafkaProducer::new(&cluster, &config)?);
    let topics = KafkaTopics::new(&cluster)?.with_timeout(TOPICS_TIMEOUT);
    let topics_are_there = Arc::new(AtomicBool::new(false));

    // From HTTP, and gRPC on the same port.
    let listener = TcpListener::bind(settings.http_addr).await.with_context(|| {
        format!(
            "cannot serve on {}; set another address by --http-addr or PAYFLOW_HTTP_ADDR",
            settings.http_addr
        )
    })?;
    let address = listener.local_addr()?;
    let codec = JsonCodec::new().with_default_currency(settings.currency);
    let intake = DirectIntake::new(Arc::clone(&producer), codec, settings.topic.clone());
    let server = ServerConfig::new().with_service_deadline(intake.decided_within());
    let server = Server::new(server)?;
    let health = producer.health();
    let bounded: Arc<dyn Intake> =
        Arc::new(Bounded::new(intake, PAYMENTS_MAX, move || health.is_connected()));
    let ready = {
        let (health, there, stop) = (producer.health(), Arc::clone(&topics_are_there), stop.clone());
        Arc::new(move || health.is_connected() && there.load(Ordering::Relaxed) && !stop.is_cancelled())
    };
    let grpc = GrpcRouter::new()
        .with_payments(Arc::clone(&bounded))
        .with_default_currency(settings.currency)
        .with_readiness({
            let ready = Arc::clone(&ready);
            move || ready()
        });
    let http =
        PaymentRouter::new(bounded).with_default_currency(settings.currency).with_readiness(move || ready());
    let routes = http.into_service().merge(grpc.into_routes());
    let serve = async {
        let served = server.run(listener, routes, stop.cancelled()).await;
        stop.cancel();
        served
    };

    // One line says that the service runs: what it says of Kafka is no second one.
    let (topic, brokers) = (settings.topic.as_str(), settings.kafka_brokers.as_str());
    let tell = |kafka: Result<(), String>| match kafka {
        Ok(()) => info!(%address, topic, "serving"),
        Err(cause) => {
            warn!(
                %address,
                topic,
                brokers,
                cause,
                "serving, but payments are refused until Kafka answers at --kafka-brokers (PAYFLOW_KAFKA_BROKERS)"
            );
        }
    };
    let prepare = async || {
        flags.topics.ensure_payments(&topics, &settings.topic).await?;
        topics.check(slice::from_ref(&settings.topic)).await
    };
    let start = async {
        match stop.run_until_cancelled(await_kafka(prepare, tell)).await {
            Some(Ok(_found)) => topics_are_there.store(true, Ordering::Relaxed),
            Some(Err(error)) => {
                stop.cancel();
                return Err(error);
            }
            None => {}
        }
        Ok(())
    };

    // No broker that comes back mends a producer that failed for good: each payment would be refused for ever.
    let watch = async {
        let has_failed = stop.run_until_cancelled(ended(producer.health())).await.is_some();
        stop.cancel();
        has_failed
    };

    let (served, started, has_failed) = tokio::join!(serve, start, watch);
    started?;
    served?;
    // Every answer has been given by now; what a client did not wait for goes out all the same.
    let flushed = producer.flush().await;
    ensure!(
        !has_failed,
        "the Kafka producer failed for good, by the cause that the log names above: mend it, and start the service anew"
    );
    flushed?;
    info!("drained");
    Ok(())
}

/// Resolves once the client can be used no more.
async fn ended(health: KafkaHealth) {
    while !health.has_ended() {
        sleep(LOOK_INTERVAL).await;
    }
}

/// Half of the connections that the server takes, so that the others are left for refusals and health checks.
const PAYMENTS_MAX: usize = 512;
/// How long Kafka may take to answer about the topics, before it is asked again.
const TOPICS_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked whether the producer can still be used.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
