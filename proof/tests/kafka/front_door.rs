//! The HTTP front door on Kafka, in this process: router, intake and producer as a service has them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use payflow_core::{Currency, DirectIntake, JsonCodec};
use payflow_http::PaymentRouter;
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig};
use tower::ServiceExt as _;

use crate::cluster::Cluster;

/// Takes payments for the topic of a cluster, in EUR if they do not say.
#[derive(Clone)]
pub(crate) struct FrontDoor(Router);

/// What a client was answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) payment: Option<String>,
}

impl FrontDoor {
    /// To be called where a tokio runtime runs.
    pub(crate) fn of(cluster: &Cluster, config: &KafkaProducerConfig) -> Self {
        Self::by(&cluster.brokers, cluster, config)
    }

    /// The same, by another address of the brokers.
    pub(crate) fn by(brokers: &str, cluster: &Cluster, config: &KafkaProducerConfig) -> Self {
        let currency = Currency::parse("EUR").expect("a currency");
        let producer = KafkaProducer::new(&KafkaConfig::new(brokers), config).expect("the settings are good");
        let codec = JsonCodec::new().with_default_currency(currency);
        let intake = DirectIntake::new(producer, codec, cluster.topic.clone());
        Self(PaymentRouter::new(Arc::new(intake)).with_default_currency(currency).into_router())
    }

    pub(crate) async fn pay(&self, body: String) -> Response {
        let request = Request::post("/pay").header(CONTENT_TYPE, "application/json").body(Body::from(body));
        let answer = self.0.clone().oneshot(request.expect("a request")).await.expect("it answers");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        Response { status, payment: text_field(&body, "paymentId").map(str::to_owned) }
    }
}

/// The value of a field of text that holds no escape.
pub(crate) fn text_field<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
