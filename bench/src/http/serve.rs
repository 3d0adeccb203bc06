//! The server that is measured: an echo and the payments' front door, side by side.

use std::io;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use payflow_core::{Currency, DirectIntake, JsonCodec, MemoryCluster, MemoryConfig, Topic};
use payflow_http::{PaymentRouter, Server, ServerConfig};
use tokio::net::TcpListener;

/// Serves `POST /echo` and `POST /pay` on a free port, which it prints, until standard input ends.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("a runtime cannot be started")?;
    runtime.block_on(async {
        let routes = Router::new().route("/echo", post(|body: Bytes| async { body })).merge(payments()?);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port is free")?;
        println!("{}", listener.local_addr()?);
        let server = Server::new(ServerConfig::new())?;
        server.run(listener, routes, standard_input_ends()).await?;
        Ok(())
    })
}

/// What a service has, on a cluster in memory: nobody reads from it, so it keeps all that a run sends.
fn payments() -> anyhow::Result<Router> {
    let topic = Topic::parse("payment-topic")?;
    let cluster = MemoryCluster::with_config(MemoryConfig::new().with_capacity_bytes(CAPACITY_BYTES));
    cluster.create_topic(&topic, 8)?;
    let intake = DirectIntake::new(cluster.producer(), JsonCodec::new(), topic);
    let currency = Currency::parse("EUR")?;
    Ok(PaymentRouter::new(Arc::new(intake)).with_default_currency(currency).into_pay_route())
}

/// More than a run fills.
const CAPACITY_BYTES: usize = 8 << 30;

/// However the parent ends, its end of the pipe is closed.
async fn standard_input_ends() {
    // An error is an end as well.
    let _ = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await;
}
