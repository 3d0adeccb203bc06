//! One hardened server for any tower service: HTTP/1.1 and HTTP/2 in clear text.

mod accept;
mod answer;
mod body;
mod config;
mod connection;
mod error;
mod exchange;
mod framing;
mod http1;
mod progress;
mod requests;
mod response_body;
mod target;
mod timers;
mod transport;
mod under_way;

use std::{error::Error, future::Future, io, pin::pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tower_service::Service;

pub use self::{
    body::{RequestBody, RequestBodyError},
    config::ServerConfig,
    error::ServerError,
};

use self::{
    accept::{Accepting, Failure},
    connection::{Connections, Ended},
};

/// A server that runs a tower service over HTTP/1.1 and, with prior knowledge, HTTP/2, both in clear text.
///
/// It is made for what comes from the open network: everything has a deadline and a cap ([`ServerConfig`]), malformed
/// and ambiguous requests are refused, and a panic of the service is an answer with status 500. TLS is left to what
/// stands in front.
///
/// What the service can rely on:
///
/// - It sees no request whose framing two readers could understand differently: both `Content-Length` and
///   `Transfer-Encoding`, either of them twice, any transfer coding but `chunked`, bare line feeds, folded lines,
///   control characters, no `Host` or two. `CONNECT` and protocol upgrades are not served.
/// - A request whose body turns out to be malformed yields an error from [`RequestBody`], never a shorter body.
/// - Its future is dropped when the client goes away, when the request's deadline passes, and when the time to drain is
///   over. Work that must go on belongs into a task of its own.
/// - Bodies stream in both directions, trailers included, so gRPC can run on it.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use payflow_http::{Server, ServerConfig};
/// use tokio::net::TcpListener;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let service: Router = Router::new().route("/", get(async || "hello"));
/// let listener = TcpListener::bind("127.0.0.1:8080").await?;
/// let interrupt = std::future::pending();
///
/// let report = Server::new(ServerConfig::new())?.run(listener, service, interrupt).await?;
/// println!("{} connections were cut off", report.cut_off);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Server {
    config: ServerConfig,
}

/// What became of a server's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReport {
    /// How many were accepted in all.
    pub accepted: u64,
    /// How many were open when shutdown began, and ended in the time to drain.
    pub drained: u64,
    /// How many were still open when the time to drain was over, and were cut off.
    pub cut_off: u64,
}

impl Server {
    /// Creates a server.
    ///
    /// # Errors
    ///
    /// [`ServerError::Config`] names a setting that is out of range or unsafe beside another one.
    pub fn new(config: ServerConfig) -> Result<Self, ServerError> {
        config.check()?;
        Ok(Self { config })
    }

    /// Serves connections from `listener` until `shutdown` resolves, then drains: closes the listener, lets requests
    /// under way finish, closes idle connections, and cuts off what is left at the drain deadline.
    ///
    /// It returns when all connections and requests are gone. A service that blocks its thread can hold that up: no
    /// deadline reaches into code that does not await.
    ///
    /// # Errors
    ///
    /// [`ServerError::Listener`] if the socket will never accept again; open connections are drained first. Want of
    /// files or memory is no such error: it is logged once and waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the listener and all connections at once. Requests under way are dropped.
    pub async fn run<S, B>(
        self,
        listener: TcpListener,
        service: S,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<ServerReport, ServerError>
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut shutdown = pin!(shutdown);
        let places = Arc::new(Semaphore::new(self.config.connections_max));
        let mut accepting = Accepting::default();
        let mut open = Open {
            drain_deadline: self.config.drain_deadline,
            connections: Connections::new(self.config),
            tasks: JoinSet::new(),
            report: ServerReport::default(),
        };

        let failure = loop {
            tokio::select! {
                biased;
                () = shutdown.as_mut() => break None,
                Some(ended) = open.tasks.join_next() => log_panic(ended),
                accepted = accept(&listener, &places, accepting.retry_at()) => match accepted {
                    Ok(Accepted { stream, place }) => {
                        if let Some(outage) = accepting.on_connection(Instant::now()) {
                            tracing::info!(?outage, "connections are accepted again");
                        }
                        open.start(stream, place, service.clone());
                    }
                    Err(error) => match accepting.on_error(&error, Instant::now()) {
                        Failure::Passing | Failure::Outage { first: false } => {}
                        Failure::Outage { first: true } => {
                            tracing::error!(%error, "connections cannot be accepted; trying on");
                        }
                        Failure::Permanent => break Some(error),
                    },
                },
            }
        };

        drop(listener);
        let report = open.drain().await;
        failure.map_or(Ok(report), |error| Err(ServerError::Listener(error)))
    }
}

/// A connection, and the place that it takes.
struct Accepted {
    stream: TcpStream,
    place: OwnedSemaphorePermit,
}

/// Waits for a place first and for a connection then: what finds no place is left to the kernel. Cancel-safe.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    not_before: Option<Instant>,
) -> io::Result<Accepted> {
    if let Some(retry_at) = not_before {
        sleep_until(retry_at).await;
    }
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _peer) = listener.accept().await?;
    Ok(Accepted { stream, place })
}

/// The connections that are open.
struct Open {
    drain_deadline: std::time::Duration,
    connections: Connections,
    tasks: JoinSet<Ended>,
    report: ServerReport,
}

impl Open {
    fn start<S, B>(&mut self, stream: TcpStream, place: OwnedSemaphorePermit, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.report.accepted += 1;
        let connections = self.connections.clone();
        self.tasks.spawn(async move {
            let ended = connections.serve(stream, service).await;
            drop(place);
            ended
        });
    }

    async fn drain(mut self) -> ServerReport {
        self.connections.drain.cancel();
        let mut deadline = pin!(sleep(self.drain_deadline));
        loop {
            tokio::select! {
                biased;
                ended = self.tasks.join_next() => match ended {
                    None => return self.report,
                    Some(Ok(Ended::CutOff)) => self.report.cut_off += 1,
                    Some(ended) => {
                        self.report.drained += 1;
                        log_panic(ended);
                    }
                },
                () = deadline.as_mut(), if !self.connections.cut_off.is_cancelled() => {
                    tracing::warn!(connections = self.tasks.len(), "time to drain is over; cutting off");
                    self.connections.cut_off.cancel();
                }
            }
        }
    }
}

/// Panics of the service end in its answer; this is what is left, a bug below it.
fn log_panic(ended: Result<Ended, JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "connection ended by a panic");
    }
}
