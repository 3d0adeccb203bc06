//! The other notification services: those that hand payments on to this one, and the one that this one hands them on to.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use payflow_core::{Currency, MemoryInbox, NotifyPayer, Once};
use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcHandler, GrpcRouter};
use payflow_http::{Server, ServerConfig};
use payflow_program::NotifyUrl;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::log_notifier::LogNotifier;

/// The channel, behind what drops repeats: one for all ways that lead to it.
pub(crate) type Channel = Arc<Once<LogNotifier, MemoryInbox>>;

/// Composes here and sends through the channel.
pub(crate) fn composer(channel: &Channel) -> NotifyPayer<Channel> {
    NotifyPayer::new(Arc::clone(channel), LogNotifier::CHANNEL)
}

/// The handler that hands payments on.
pub(crate) fn remote(url: &NotifyUrl) -> Result<GrpcHandler> {
    let client = GrpcClient::new(GrpcClientConfig::new([url.as_str(); CONNECTIONS])).with_context(|| {
        format!("cannot notify through {url}; set --notify-url or PAYFLOW_NOTIFY_URL anew")
    })?;
    Ok(GrpcHandler::new(client))
}

/// `NotificationService` on a port of its own.
pub(crate) struct Service {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
    server: Server,
    routes: axum::Router,
}

impl Service {
    /// Takes the port; nothing is served yet.
    pub(crate) async fn bind(
        address: SocketAddr,
        channel: &Channel,
        currency: Currency,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot serve on {address}; set another address by --grpc-addr or PAYFLOW_GRPC_ADDR")
        })?;
        let ready = {
            let stop = stop.clone();
            // It needs no Kafka to notify for others.
            move || !stop.is_cancelled()
        };
        let routes = GrpcRouter::new()
            .with_notifications(Arc::clone(channel), composer(channel))
            .with_default_currency(currency)
            .with_readiness(ready)
            .into_router();
        let address = listener.local_addr()?;
        Ok(Self { listener, address, server: Server::new(ServerConfig::new().with_http2_only())?, routes })
    }

    /// Serves until `stop`, then lets calls under way end.
    pub(crate) async fn serve(self, stop: CancellationToken) -> Result<()> {
        self.server.run(self.listener, self.routes, stop.cancelled_owned()).await?;
        Ok(())
    }
}

/// How many to the other service. Each takes 100 calls at once, and the pipeline makes 256: with one, most would wait for
/// their turn while their deadlines run.
const CONNECTIONS: usize = 4;
