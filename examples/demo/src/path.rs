//! The whole path in one process, put together from payflow's parts. To build a service, copy from here.
//!
//! ```text
//! POST /pay ─▶ PaymentRouter ─▶ DirectIntake ─▶ topic ─▶ Pipeline ─▶ NotifyPayer ─▶ Once ─▶ notifier
//! ```

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use payflow_core::{
    Currency, DeadLetters, DirectIntake, Intake, JsonCodec, MemoryCluster, MemoryInbox, Notifier,
    NotifyPayer, Once, Order, Pipeline, PipelineConfig, Topic,
};
use payflow_http::{PayService, PaymentRouter, Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Takes payments on `listener` and tells `notifier` of each, until `shutdown`; then drains: requests under way get
/// their answer, and every payment that was accepted is notified.
pub(crate) async fn run(
    listener: TcpListener,
    currency: Currency,
    notifier: Arc<dyn Notifier>,
    shutdown: CancellationToken,
) -> Result<()> {
    // Where accepted payments are kept. It forgets with the process; a service has Kafka here.
    let (payments, dead_letters) =
        (Topic::parse("payment-topic")?, Topic::parse("payment-topic.dead-letters")?);
    let cluster = MemoryCluster::new();
    cluster.create_topic(&payments, PARTITIONS)?;
    cluster.create_topic(&dead_letters, 1)?;
    let codec = JsonCodec::new().with_default_currency(currency);

    // The way in: HTTP to the topic.
    let intake = DirectIntake::new(cluster.producer(), codec, payments.clone());
    let server = Server::new(ServerConfig::new().with_service_deadline(intake.decided_within()))?;
    let router = front_door(Arc::new(intake), currency, shutdown.clone());

    // The way out: the topic to the notifier, in order per payer, and each notification once.
    let pipeline = Pipeline::new(
        cluster.consumer(GROUP, slice::from_ref(&payments))?,
        codec,
        NotifyPayer::new(Once::new(notifier, MemoryInbox::new()), CHANNEL),
        DeadLetters::new(Arc::new(cluster.producer()), dead_letters),
        PipelineConfig::new().with_order(Order::ByKey),
    )?;

    // Both run until the shutdown, the way in first: then nothing more is accepted, so the topic can be closed, and the
    // pipeline ends by itself when it has handled what is left.
    let closed = CancellationToken::new();
    let way_in = async {
        let served = server.run(listener, router, shutdown.cancelled_owned()).await;
        cluster.close_topic(&payments)?;
        closed.cancel();
        anyhow::Ok(served)
    };
    let way_out = async {
        let too_late = async {
            closed.cancelled().await;
            sleep(DRAIN).await;
        };
        anyhow::Ok(pipeline.run(too_late).await?)
    };
    let (served, ()) = tokio::try_join!(way_in, way_out)?;

    let left = cluster.lag(GROUP, &payments);
    ensure!(left == 0, "{left} accepted payments were not notified within {DRAIN:?} of the shutdown");
    served?;
    Ok(())
}

/// `POST /pay`, `GET /livez`, and `GET /readyz`, which says no from the shutdown on.
fn front_door(intake: Arc<dyn Intake>, currency: Currency, shutdown: CancellationToken) -> PayService {
    PaymentRouter::new(intake)
        .with_default_currency(currency)
        .with_readiness(move || !shutdown.is_cancelled())
        .into_service()
}

const PARTITIONS: u32 = 8;
const GROUP: &str = "demo";
const CHANNEL: &str = "console";
/// How long accepted payments may take to be notified once nothing more is accepted.
const DRAIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn readiness_ends_with_the_shutdown_and_liveness_does_not() {
        let topic = Topic::parse("payment-topic").unwrap();
        let intake = DirectIntake::new(MemoryCluster::new().producer(), JsonCodec::new(), topic);
        let shutdown = CancellationToken::new();
        let eur = Currency::parse("EUR").unwrap();
        let door = front_door(Arc::new(intake), eur, shutdown.clone());
        let status = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            door.clone().oneshot(request).await.unwrap().status()
        };

        assert_eq!(status("/readyz").await, StatusCode::OK);
        shutdown.cancel();
        assert_eq!(status("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("/livez").await, StatusCode::OK);
    }
}
