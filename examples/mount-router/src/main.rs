//! Shows how `POST /pay` is mounted in an axum app of one's own, beside its other routes.
//!
//! Run: `cargo run -p mount-router`, then
//! `curl -i http://127.0.0.1:3000/payments/pay -H 'content-type: application/json' -d '{"userId":"u001","amount":49.99,"method":"paypal"}'`

use std::sync::Arc;

use axum::{Router, routing};
use payflow_core::{Currency, DirectIntake, JsonCodec, MemoryCluster, Topic};
use payflow_http::PaymentRouter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let topic = Topic::parse("payment-topic")?;
    let cluster = MemoryCluster::new();
    cluster.create_topic(&topic, 4)?;

    let intake = DirectIntake::new(cluster.producer(), JsonCodec::new(), topic);
    let payments = PaymentRouter::new(Arc::new(intake)).with_default_currency(Currency::parse("EUR")?);
    let app = Router::new()
        .route("/", routing::get(async || "a shop\n"))
        .nest("/payments", payments.into_pay_route());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
