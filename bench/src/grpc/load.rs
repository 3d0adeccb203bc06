//! Load on a gRPC server, by a process of its own, so that what it uses is told from what the server uses.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use tokio::task::JoinSet;

use super::caller::Caller;
use super::kind::{Kind, Target};
use crate::kafka::{Meter, Report, runtime};

/// A closed loop: each of so many calls at once is followed by the next when it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct Load {
    /// What to call.
    #[arg(value_enum)]
    pub(super) kind: Kind,
    #[arg(long)]
    pub(super) address: SocketAddr,
    #[arg(long)]
    pub(super) connections: u16,
    /// How many calls are under way at once, over all connections.
    #[arg(long)]
    pub(super) calls: u32,
    #[arg(long)]
    pub(super) millis: u64,
}

impl Load {
    /// What to start this program with, so that it is this load.
    pub(super) fn args(&self) -> Vec<String> {
        let Self { kind, address, connections, calls, millis } = self;
        vec![
            "grpc-load".to_owned(),
            crate::dispatch::name(*kind),
            format!("--address={address}"),
            format!("--connections={connections}"),
            format!("--calls={calls}"),
            format!("--millis={millis}"),
        ]
    }

    /// Calls, and tells what came of it.
    ///
    /// # Errors
    /// The server is not reached, or a call was not answered with success.
    fn run(&self) -> anyhow::Result<Report> {
        let target = Target { address: self.address, connections: self.connections };
        runtime()?.block_on(async {
            match self.kind {
                Kind::Hello => self.repeat(target.hello(self.calls).await?).await,
                Kind::Pay => self.repeat(target.pay(self.calls).await?).await,
                Kind::NotifyBare => self.repeat(target.notify_bare(self.calls).await?).await,
                Kind::Notify => self.repeat(target.notify(self.calls)?).await,
            }
        })
    }

    async fn repeat(&self, callers: Vec<impl Caller>) -> anyhow::Result<Report> {
        let mut meter = Meter::start();
        meter.begin();
        let until = Instant::now() + Duration::from_millis(self.millis);
        let mut callers: JoinSet<_> = callers.into_iter().map(|caller| repeat(caller, until)).collect();
        let mut calls = 0;
        while let Some(ended) = callers.join_next().await {
            calls += ended.context("a caller panicked")??;
        }
        meter.end(calls)
    }
}

/// Calls until the time has come, and tells how often.
async fn repeat(mut caller: impl Caller, until: Instant) -> anyhow::Result<u64> {
    let mut calls = 0;
    while Instant::now() < until {
        caller.call().await?;
        calls += 1;
    }
    Ok(calls)
}

/// Runs one load, and prints what came of it.
pub(crate) fn load(load: &Load) -> anyhow::Result<()> {
    println!("{}", load.run()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use clap::Parser;
    use payflow_core::{Currency, DirectIntake, JsonCodec, MemoryCluster, Topic};
    use payflow_http::{Server, ServerConfig};
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use super::*;

    #[derive(Debug, Parser)]
    struct GrpcLoad {
        #[command(flatten)]
        load: Load,
    }

    const KINDS: [Kind; 4] = [Kind::Hello, Kind::Pay, Kind::NotifyBare, Kind::Notify];

    fn load(kind: Kind, address: SocketAddr) -> Load {
        Load { kind, address, connections: 2, calls: 5, millis: 20 }
    }

    #[test]
    fn the_load_is_told_what_it_is() {
        for kind in KINDS {
            let load = load(kind, "127.0.0.1:1".parse().unwrap());
            assert_eq!(GrpcLoad::try_parse_from(load.args()).unwrap().load, load);
        }
    }

    #[test]
    fn every_kind_is_answered() {
        let (stop, stopped) = oneshot::channel::<()>();
        let (listens, address) = std::sync::mpsc::channel();
        let server = thread::spawn(move || {
            runtime().unwrap().block_on(async {
                let topic = Topic::parse("payments").unwrap();
                let cluster = MemoryCluster::new();
                cluster.create_topic(&topic, 1).unwrap();
                let intake = DirectIntake::new(cluster.producer(), JsonCodec::new(), topic);
                let routes = super::super::routes(Arc::new(intake), Currency::parse("EUR").unwrap());
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listens.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                Server::new(ServerConfig::new()).unwrap().run(listener, routes, stopped).await.unwrap();
            });
        });

        let address = address.recv().unwrap();
        for kind in KINDS {
            let report = load(kind, address).run().unwrap();
            assert!(report.messages >= 5 && report.seconds >= 0.02, "{kind:?}: {report}");
        }

        drop(stop);
        server.join().unwrap();
        for kind in KINDS {
            assert!(load(kind, address).run().is_err(), "{kind:?} without a server");
        }
    }
}
