//! The server that is measured: an echo and the payments' front door, side by side; or what a front door is compared with.

use std::io;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use clap::{Args, Subcommand};
use payflow_core::{Currency, DirectIntake, Intake, JsonCodec, MemoryCluster, MemoryConfig, Producer, Topic};
use payflow_http::{PayService, PaymentRouter, Server, ServerConfig};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig};
use tokio::net::TcpListener;

use super::bare;
use crate::grpc;

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct Serve {
    #[command(subcommand)]
    door: Door,
}

/// Where the payments go, and by whose hands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum Door {
    /// An echo and payflow's front door, to a topic in memory.
    Memory,
    /// An echo and payflow's front door, to Kafka.
    Kafka(Destination),
    /// A bare axum handler with a `FutureProducer`.
    Bare(Destination),
    /// A hello and payflow's services by gRPC, to a topic in memory.
    Grpc,
}

/// A topic of a Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct Destination {
    #[arg(long)]
    pub(super) brokers: String,
    #[arg(long, value_parser = Topic::parse)]
    pub(super) topic: Topic,
}

impl Destination {
    fn args(&self) -> [String; 2] {
        [format!("--brokers={}", self.brokers), format!("--topic={}", self.topic)]
    }
}

impl Serve {
    pub(crate) const fn in_memory() -> Self {
        Self { door: Door::Memory }
    }

    pub(crate) fn on_kafka(brokers: &str, topic: &Topic) -> Self {
        Self { door: Door::Kafka(Destination { brokers: brokers.to_owned(), topic: topic.clone() }) }
    }

    pub(crate) fn bare(brokers: &str, topic: &Topic) -> Self {
        Self { door: Door::Bare(Destination { brokers: brokers.to_owned(), topic: topic.clone() }) }
    }

    pub(crate) const fn grpc() -> Self {
        Self { door: Door::Grpc }
    }

    /// What to start this program with, so that it is this server.
    pub(super) fn args(&self) -> Vec<String> {
        let mut args = vec!["http-serve".to_owned()];
        match &self.door {
            Door::Memory => args.push("memory".to_owned()),
            Door::Kafka(destination) => {
                args.push("kafka".to_owned());
                args.extend(destination.args());
            }
            Door::Bare(destination) => {
                args.push("bare".to_owned());
                args.extend(destination.args());
            }
            Door::Grpc => args.push("grpc".to_owned()),
        }
        args
    }
}

/// Serves on a free port, which it prints, until standard input ends.
pub(crate) fn serve(serve: &Serve) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("a runtime cannot be started")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port is free")?;
        println!("{}", listener.local_addr()?);
        let server = Server::new(ServerConfig::new())?;
        match &serve.door {
            Door::Memory => {
                server.run(listener, payments(in_memory()?)?, standard_input_ends()).await?;
            }
            Door::Kafka(destination) => {
                server.run(listener, payments(on_kafka(destination)?)?, standard_input_ends()).await?;
            }
            Door::Grpc => {
                let routes = grpc::routes(Arc::new(in_memory()?), currency()?);
                server.run(listener, routes, standard_input_ends()).await?;
            }
            Door::Bare(destination) => {
                let routes = bare::routes(destination)?;
                axum::serve(listener, routes).with_graceful_shutdown(standard_input_ends()).await?;
            }
        }
        Ok(())
    })
}

/// What a service has, on a cluster in memory: nobody reads from it, so it keeps all that a run sends.
fn in_memory() -> anyhow::Result<DirectIntake<impl Producer + use<>, JsonCodec>> {
    let topic = Topic::parse("payment-topic")?;
    let cluster = MemoryCluster::with_config(MemoryConfig::new().with_capacity_bytes(CAPACITY_BYTES));
    cluster.create_topic(&topic, 8)?;
    Ok(DirectIntake::new(cluster.producer(), JsonCodec::new(), topic))
}

/// What the payment service has.
fn on_kafka(destination: &Destination) -> anyhow::Result<DirectIntake<impl Producer + use<>, JsonCodec>> {
    let cluster = KafkaConfig::new(destination.brokers.as_str()).with_client_id("payflow-bench");
    let producer = KafkaProducer::new(&cluster, &KafkaProducerConfig::new())?;
    Ok(DirectIntake::new(producer, JsonCodec::new(), destination.topic.clone()))
}

/// Beside an echo.
fn payments(intake: impl Intake + 'static) -> anyhow::Result<PayService> {
    let payments = PaymentRouter::new(Arc::new(intake)).with_default_currency(currency()?);
    Ok(payments.into_service().merge(Router::new().route("/echo", post(|body: Bytes| async { body }))))
}

fn currency() -> anyhow::Result<Currency> {
    Ok(Currency::parse("EUR")?)
}

/// More than a run fills.
const CAPACITY_BYTES: usize = 8 << 30;

/// However the parent ends, its end of the pipe is closed.
async fn standard_input_ends() {
    // An error is an end as well.
    let _ = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await;
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct HttpServe {
        #[command(flatten)]
        serve: Serve,
    }

    #[test]
    fn the_measured_server_is_told_which_it_is() {
        let topic = Topic::parse("payments").unwrap();
        let on_kafka = [Serve::on_kafka("a:1", &topic), Serve::bare("a:1,b:2", &topic)];
        for serve in on_kafka.into_iter().chain([Serve::in_memory(), Serve::grpc()]) {
            assert_eq!(HttpServe::try_parse_from(serve.args()).unwrap().serve, serve);
        }
    }
}
