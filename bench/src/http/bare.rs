//! The front door that most would write: a handler of axum's that reads a struct, writes it to Kafka and answers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde::{Deserialize, Serialize};

use super::serve::Destination;

/// `POST /pay`, with the settings that payflow's producer gives librdkafka by default.
pub(super) fn routes(destination: &Destination) -> anyhow::Result<Router> {
    let door = Door { producer: producer(&destination.brokers)?, topic: destination.topic.to_string() };
    Ok(Router::new().route("/pay", post(pay)).with_state(Arc::new(door)))
}

/// Settings of payflow's producer, for a client of librdkafka's that is no payflow.
pub(crate) fn producer(brokers: &str) -> anyhow::Result<FutureProducer> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("max.in.flight.requests.per.connection", "1")
        .set("partitioner", "murmur2_random")
        .set("delivery.timeout.ms", "7000")
        .create()
        .context("no producer")
}

struct Door {
    producer: FutureProducer,
    topic: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Payment {
    #[serde(rename = "userId")]
    user_id: String,
    amount: f64,
    method: String,
}

async fn pay(State(door): State<Arc<Door>>, body: Bytes) -> (StatusCode, &'static str) {
    let Ok(payment) = serde_json::from_slice::<Payment>(&body) else {
        return (StatusCode::BAD_REQUEST, "no payment");
    };
    let Ok(value) = serde_json::to_vec(&payment) else {
        return (StatusCode::BAD_REQUEST, "no amount");
    };
    let record = FutureRecord::to(&door.topic).key(&payment.user_id).payload(&value);
    match door.producer.send(record, Duration::from_secs(1)).await {
        Ok(_) => (StatusCode::ACCEPTED, r#"{"status":"accepted"}"#),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not taken"),
    }
}
