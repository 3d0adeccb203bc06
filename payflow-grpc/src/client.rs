//! Calls of the notification service, over whichever endpoint is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use payflow_core::{Error, Fault, Sent};
use payflow_proto::Acknowledgement;
use tokio::time::{Instant, timeout_at};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::acknowledgement;
use crate::config::{GrpcClientConfig, InvalidGrpcConfig};
use crate::endpoint::{Away, Connected, Endpoint};
use crate::error::{self, Cause};
use crate::generated::notification_service_client::NotificationServiceClient;

pub(crate) type Caller = NotificationServiceClient<Channel>;
pub(crate) type Answer = BoxFuture<'static, Result<Response<Acknowledgement>, Status>>;

/// A client of the notification service, for [`GrpcNotifier`](crate::GrpcNotifier) and
/// [`GrpcHandler`](crate::GrpcHandler). A clone shares the connections.
///
/// It connects when it is first needed, and again when a connection was lost; an endpoint that is not reached is left alone
/// for a pause that grows. Calls take the endpoints in turn; one whose endpoint is not reached takes the next.
#[derive(Debug, Clone)]
pub struct GrpcClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    endpoints: Vec<Endpoint>,
    turn: AtomicUsize,
    deadline: Duration,
    claim_lease: Option<Duration>,
}

impl GrpcClient {
    /// A client that has no connection yet.
    ///
    /// # Errors
    /// A setting is refused, alone or beside another.
    pub fn new(config: GrpcClientConfig) -> Result<Self, InvalidGrpcConfig> {
        let endpoint = |uri| {
            let target = Channel::builder(uri)
                .connect_timeout(config.connect_timeout)
                .tcp_nodelay(true)
                .http2_keep_alive_interval(config.keep_alive_interval)
                .keep_alive_timeout(config.keep_alive_timeout);
            Endpoint::new(target, config.backoff_max)
        };
        let endpoints = config.check()?.into_iter().map(endpoint).collect();
        let (deadline, claim_lease) = (config.deadline, config.claim_lease);
        Ok(Self { shared: Arc::new(Shared { endpoints, turn: AtomicUsize::new(0), deadline, claim_lease }) })
    }

    pub(crate) fn claim_lease(&self) -> Option<Duration> {
        self.shared.claim_lease
    }

    /// Sends `request` and reads the acknowledgement, until the deadline.
    pub(crate) async fn call<T: Send>(
        &self,
        operation: &'static str,
        mut request: Request<T>,
        send: impl FnOnce(Caller, Request<T>) -> Answer + Send,
    ) -> Result<Sent, Error> {
        let deadline = Instant::now() + self.shared.deadline;
        let (endpoint, connected) = self
            .connected(deadline)
            .await
            .map_err(|away| Error::new(away.fault(), operation).because(away.text()))?;
        // The other side hears of what is left.
        request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        let caller = NotificationServiceClient::new(connected.channel.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let Ok(answered) = timeout_at(deadline, send(caller, request)).await else {
            // A connection that is dead without a sign looks the same.
            endpoint.lost(&connected);
            return Err(Error::unknown(operation).because("no answer within the deadline"));
        };
        match answered {
            Ok(answer) => acknowledgement::read(answer.into_inner(), operation),
            Err(status) => {
                match Cause::of(&status) {
                    Cause::Answer => {}
                    Cause::Connection => endpoint.lost(&connected),
                    Cause::NotConnected => endpoint.refused(&connected, status.message().into()),
                }
                Err(error::error(status, operation))
            }
        }
    }

    /// The next endpoint in turn that is reached.
    async fn connected(&self, deadline: Instant) -> Result<(&Endpoint, Connected), NotReached> {
        let endpoints = &self.shared.endpoints;
        let first = self.shared.turn.fetch_add(1, Ordering::Relaxed) % endpoints.len();
        let (before, from) = endpoints.split_at(first);
        let mut soonest: Option<Away> = None;
        for endpoint in from.iter().chain(before) {
            match timeout_at(deadline, endpoint.connected()).await {
                Ok(Ok(connected)) => return Ok((endpoint, connected)),
                Ok(Err(away)) => {
                    if soonest.as_ref().is_none_or(|other| away.retry_after < other.retry_after) {
                        soonest = Some(away);
                    }
                }
                Err(_elapsed) => break,
            }
        }
        Err(NotReached(soonest))
    }
}

/// No endpoint is reached: nothing was sent.
struct NotReached(Option<Away>);

impl NotReached {
    fn fault(&self) -> Fault {
        Fault::Transient { retry_after: self.0.as_ref().map(|away| away.retry_after) }
    }

    fn text(&self) -> String {
        let cause = self.0.as_ref().map_or("no connection within the deadline", |away| &away.cause);
        format!("no endpoint is reached: {cause}")
    }
}

/// Far above any acknowledgement of this contract.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
