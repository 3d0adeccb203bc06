//! The suite of `Notifier` on the gRPC client, over a real socket, with a notification service behind it.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

use std::sync::Arc;

use async_trait::async_trait;
use payflow_core::{Fault, MemoryInbox, MemoryNotifier, Notifier, NotifyPayer, Once};
use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcNotifier, GrpcRouter};
use payflow_http::{Server, ServerConfig};
use payflow_testkit::conformance::{Arrived, Capabilities, NotifierHarness};
use payflow_testkit::notifier_conformance;
use tokio::net::TcpListener;

notifier_conformance!(grpc, GrpcHarness::default());

/// Each notifier has a server of its own; all of them reach one channel.
struct GrpcHarness {
    channel: MemoryNotifier,
    once: Arc<Once<MemoryNotifier, MemoryInbox>>,
}

impl Default for GrpcHarness {
    fn default() -> Self {
        let channel = MemoryNotifier::new();
        Self { once: Arc::new(Once::new(channel.clone(), MemoryInbox::new())), channel }
    }
}

#[async_trait]
impl NotifierHarness for GrpcHarness {
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn notifier(&self) -> Arc<dyn Notifier> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let once = Arc::clone(&self.once);
        let routes = GrpcRouter::new().with_notifications(Arc::clone(&once), NotifyPayer::new(once, "log"));
        let server = Server::new(ServerConfig::new()).unwrap();
        // It ends with the case's runtime.
        tokio::spawn(server.run(listener, routes.into_router(), std::future::pending()));
        Arc::new(GrpcNotifier::new(GrpcClient::new(GrpcClientConfig::new([url])).unwrap()))
    }

    async fn arrived(&self) -> Vec<Arrived> {
        let arrived = self.channel.notifications().into_iter().map(|notification| Arrived {
            user_id: notification.user_id().as_str().to_owned(),
            message: notification.message().to_owned(),
            id: Some(notification.id()),
        });
        arrived.collect()
    }

    async fn refuse_next(&self, times: usize) {
        self.channel.fail_next(std::iter::repeat_n(Fault::Transient { retry_after: None }, times));
    }
}
