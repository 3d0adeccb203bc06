//! Calls of the notification service, over whichever endpoint is reached.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use payflow_core::{Error, Fault, Sent};
use payflow_proto::Acknowledgement;
use tokio::time::{Instant, timeout_at};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::prost::Message;

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
    message_bytes_max: usize,
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
        let shared = Shared {
            endpoints,
            turn: AtomicUsize::new(0),
            deadline: config.deadline,
            claim_lease: config.claim_lease,
            message_bytes_max: config.message_bytes_max,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn claim_lease(&self) -> Option<Duration> {
        self.shared.claim_lease
    }

    /// Sends `request` and reads the acknowledgement, until the deadline.
    pub(crate) async fn call<T: Message>(
        &self,
        operation: &'static str,
        mut request: Request<T>,
        send: impl FnOnce(Caller, Request<T>) -> Answer + Send,
    ) -> Result<Sent, Error> {
        // A server says of it what it says of a quota, though it will be as long when it is sent again.
        self.fits(request.get_ref().encoded_len())
            .map_err(|text| Error::permanent(operation).because(text))?;
        let deadline = Instant::now() + self.shared.deadline;
        let (endpoint, connected) = self
            .connected(deadline)
            .await
            .map_err(|away| Error::new(away.fault(), operation).because(away.text()))?;
        // The other side hears of what is left.
        request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        let caller = NotificationServiceClient::new(connected.channel.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let answering = AssertUnwindSafe(send(caller, request)).catch_unwind();
        let Ok(answered) = timeout_at(deadline, answering).await else {
            // A connection that is dead without a sign looks the same.
            endpoint.lost(&connected);
            return Err(Error::unknown(operation).because("no answer within the deadline"));
        };
        // tonic's client panics at an answer whose `grpc-status-details-bin` is no base64.
        let Ok(answered) = answered else {
            endpoint.lost(&connected);
            return Err(Error::unknown(operation).because("the answer could not be read"));
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

    fn fits(&self, bytes: usize) -> Result<(), String> {
        let max = self.shared.message_bytes_max;
        if bytes <= max {
            return Ok(());
        }
        Err(format!(
            "a message of {bytes} bytes is above `message_bytes_max` of {max}: shorten it, or raise the setting of the server \
             and then of the client"
        ))
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
