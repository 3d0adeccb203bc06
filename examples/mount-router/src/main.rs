//! Shows how `POST /pay` is mounted in an axum app of one's own, beside its other routes.
//!
//! Run: `cargo run -p mount-router`, then
//! `curl -i http://127.0.0.1:3000/payments/pay -H 'content-type: application/json' -d '{"userId":"u001","amount":49.99,"method":"paypal"}'`

use std::sync::Arc;

use axum::{Router, routing};
use payflow_core::{Currency, DirectIntake, Intake, JsonCodec, MemoryCluster, Producer, Topic};
use payflow_http::{PaymentRouter, Server, ServerConfig};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let topic = Topic::parse("payment-topic")?;
    let cluster = MemoryCluster::new();
    cluster.create_topic(&topic, 4)?;

    let producer = Arc::new(cluster.producer());
    let intake = DirectIntake::new(Arc::clone(&producer), JsonCodec::new(), topic);
    // A request has longer than the intake takes to decide, so that none is cut off whose answer is on its way.
    let server = Server::new(ServerConfig::new().with_service_deadline(intake.decided_within()))?;
    let payments = PaymentRouter::new(Arc::new(intake)).with_default_currency(Currency::parse("EUR")?);
    let app = Router::new()
        .route("/", routing::get(async || "a shop\n"))
        .nest("/payments", payments.into_pay_route());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Unlike `axum::serve` it bounds connections, requests, headers, bodies and times, and drains until its drain deadline.
    // What an orchestrator stops listens for SIGTERM as well: see payment-service.
    let ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or(()) };
    server.run(listener, app, ctrl_c).await?;
    // A payment whose client went away may still be under way.
    producer.flush().await?;
    Ok(())
}
