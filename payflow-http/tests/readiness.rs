//! A service that is not ready when a request comes.

mod harness;

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use harness::{GOOD_REQUEST, Running, in_time, statuses};
use http::{Request, Response};
use http_body_util::Full;
use payflow_http::{RequestBody, ServerConfig};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::PollSemaphore;
use tower::Service;

/// Ready with a permit, and never again once there is none to come.
#[derive(Clone)]
struct Slow {
    permits: PollSemaphore,
    asked: mpsc::UnboundedSender<()>,
}

impl Service<Request<RequestBody>> for Slow {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _told = self.asked.send(());
        let permit = ready!(self.permits.poll_acquire(cx));
        Poll::Ready(permit.map(drop).ok_or_else(|| io::Error::other("a secret")))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        std::future::ready(Ok(Response::default()))
    }
}

fn slow() -> (Slow, Arc<Semaphore>, mpsc::UnboundedReceiver<()>) {
    let (asked, was_asked) = mpsc::unbounded_channel();
    let permits = Arc::new(Semaphore::new(0));
    (Slow { permits: PollSemaphore::new(Arc::clone(&permits)), asked }, permits, was_asked)
}

#[tokio::test]
async fn a_request_waits_until_the_service_is_ready() {
    let (service, permits, mut was_asked) = slow();
    let server = Running::start(ServerConfig::new(), service).await;
    let mut client = server.connect().await;
    client.send(GOOD_REQUEST).await;
    // At once, and by the task that waits.
    for _ in 0..2 {
        in_time(was_asked.recv()).await.expect("the service is asked");
    }
    permits.add_permits(1);
    assert_eq!(statuses(&client.read_to_end().await), [200]);
    server.stop().await;
}

#[tokio::test]
async fn a_service_that_will_never_be_ready_is_answered_500() {
    for closed_before in [true, false] {
        let (service, permits, mut was_asked) = slow();
        if closed_before {
            permits.close();
        }
        let server = Running::start(ServerConfig::new(), service).await;
        let mut client = server.connect().await;
        client.send(GOOD_REQUEST).await;
        in_time(was_asked.recv()).await.expect("the service is asked");
        permits.close();
        let sent = client.read_to_end().await;
        assert_eq!(statuses(&sent), [500]);
        assert!(!sent.contains("secret"), "{sent:?}");
        server.stop().await;
    }
}
