//! One connection, from its first byte until both sides have hung up.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{Request, Response};
use http_body::Body;
use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWrite,
    net::TcpStream,
    task::unconstrained,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service;

use super::{
    RequestBody,
    config::ServerConfig,
    exchange::{Exchange, Limits},
    http1::Http1,
    progress::{Check, Deadlines, Progress, SharedProgress},
    response_body::BoxError,
    transport::Transport,
};

/// What all connections of a server share.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    config: Arc<ServerConfig>,
    limits: Limits,
    http1: http1::Builder,
    /// Counts the connections of HTTP/2.
    http2_number: Arc<AtomicU64>,
    /// Finish what is under way, and take no more.
    pub(super) drain: CancellationToken,
    /// Stop at once.
    pub(super) cut_off: CancellationToken,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client or a deadline ended it, or it was drained.
    ByItself,
    /// It was still open when the time to drain was over.
    CutOff,
}

/// What hyper takes by default. If it came to take more, the limit of [`Limits`] would hold.
const HYPER_HEADERS_MAX: usize = 100;

impl Connections {
    pub(super) fn new(config: ServerConfig) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // The time between requests and the time within a head are told apart by `Progress`; hyper cannot.
            .header_read_timeout(None)
            .max_header_size(config.header_bytes_max)
            .max_buf_size(config.buffer_bytes_max);
        // Told its own default, hyper would fill a table of that length with zeros twice for each head.
        if config.headers_max != HYPER_HEADERS_MAX {
            http1.max_headers(config.headers_max);
        }
        Self {
            limits: Limits::of(&config),
            config: Arc::new(config),
            http1,
            http2_number: Arc::default(),
            drain: CancellationToken::new(),
            cut_off: CancellationToken::new(),
        }
    }

    /// Serves one connection. Dropping the future drops the connection and the requests under way on it.
    pub(super) async fn serve<S, B>(self, stream: TcpStream, service: S) -> Ended
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "socket keeps its delay");
        }
        let hello = tokio::select! {
            biased;
            // First, so that a request that has arrived is served also when shutdown has begun.
            hello = self.read_hello(&stream) => hello,
            () = self.drain.cancelled() => return Ended::ByItself,
        };
        let Hello { version, first_bytes, began } = match hello {
            Ok(hello) => hello,
            Err(error) => {
                tracing::debug!(%error, "connection ended before its first request");
                return Ended::ByItself;
            }
        };

        if self.config.http2_only && matches!(version, HttpVersion::Http1) {
            tracing::debug!("connection closed: it does not begin as HTTP/2");
            hang_up(stream, self.config.linger_deadline).await;
            return Ended::ByItself;
        }

        let mut deadlines = Deadlines::of(&self.config);
        if matches!(version, HttpVersion::Http2) {
            let number = self.http2_number.fetch_add(1, Ordering::Relaxed);
            deadlines = deadlines.with_age_max(self.config.http2_connection_age_max, number);
        }
        // Not from here on: a client could hold its place twice as long.
        let progress = SharedProgress::new(Progress::new(deadlines, began));
        let exchange = Exchange::new(service, self.limits.clone(), progress.clone());
        match version {
            HttpVersion::Http1 => {
                progress.lock().head_began(began);
                let transport = TokioIo::new(Transport::http1(stream, first_bytes, progress.clone()));
                let connection = Http1::new(self.http1.serve_connection(transport, exchange));
                self.drive(connection, Http1::graceful_shutdown, &progress).await
            }
            HttpVersion::Http2 => {
                let transport = TokioIo::new(Transport::http2(stream, first_bytes, progress.clone()));
                let streams = StreamTasks::new();
                let connection = self.http2(streams.clone()).serve_connection(transport, exchange);
                let ended = self.drive(connection, http2::Connection::graceful_shutdown, &progress).await;
                streams.end().await;
                ended
            }
        }
    }

    /// Reads until it is clear which version of HTTP the client speaks.
    async fn read_hello(&self, stream: &TcpStream) -> io::Result<Hello> {
        let mut bytes = [0; HTTP2_PREFACE.len()];
        let mut length = read_some(stream, &mut bytes, self.config.first_byte_deadline).await?;
        let began = Instant::now();
        let end = began + self.config.header_deadline;
        loop {
            // `length` counts bytes that were read into the array.
            let (read, room) = bytes.split_at_mut(length);
            let version = match HTTP2_PREFACE.strip_prefix(&*read) {
                None => HttpVersion::Http1,
                Some([]) => HttpVersion::Http2,
                Some(_) => {
                    length += read_some(stream, room, end.duration_since(Instant::now())).await?;
                    continue;
                }
            };
            return Ok(Hello { version, first_bytes: Bytes::copy_from_slice(read), began });
        }
    }

    /// Carries the connection to its end, and watches over its deadlines.
    async fn drive<C>(
        &self,
        connection: C,
        graceful_shutdown: fn(Pin<&mut C>),
        progress: &SharedProgress,
    ) -> Ended
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut connection = pin!(connection);
        // Polled only when woken: the connection is, some times for each request.
        let mut asides = FuturesUnordered::new();
        let mut is_draining = false;
        asides.push(self.aside(is_draining, Instant::now()));
        loop {
            let aside = tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "connection failed");
                    }
                    return Ended::ByItself;
                }
                Some(aside) = asides.next() => aside,
            };
            let now = Instant::now();
            let mut look_at = now;
            match aside {
                Aside::Asked if is_draining => return Ended::CutOff,
                Aside::Asked => {
                    is_draining = true;
                    progress.lock().closing(now);
                    graceful_shutdown(connection.as_mut());
                }
                Aside::Look => {
                    let check = progress.lock().check(now);
                    match check {
                        Check::At(next) => look_at = next,
                        Check::Close => {
                            progress.lock().closing(now);
                            graceful_shutdown(connection.as_mut());
                        }
                        Check::Drop(overdue) => {
                            tracing::debug!(?overdue, "connection dropped");
                            return Ended::ByItself;
                        }
                    }
                }
            }
            asides.push(self.aside(is_draining, look_at));
        }
    }

    /// Waits for what concerns a connection beside its bytes. The connection is polled first and may leave no budget: it is
    /// heard all the same.
    fn aside(&self, is_draining: bool, look_at: Instant) -> impl Future<Output = Aside> {
        // The cut comes after the drain only.
        let asked = if is_draining { &self.cut_off } else { &self.drain };
        unconstrained(async move {
            tokio::select! {
                biased;
                () = asked.cancelled() => Aside::Asked,
                () = sleep_until(look_at) => Aside::Look,
            }
        })
    }

    fn http2(&self, streams: StreamTasks) -> http2::Builder<StreamTasks> {
        let config = &self.config;
        let mut http2 = http2::Builder::new(streams);
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.http2_streams_max)
            .max_pending_accept_reset_streams(config.http2_resets_max)
            .max_local_error_reset_streams(LOCAL_RESETS_MAX)
            .initial_stream_window_size(config.http2_stream_window_bytes)
            .initial_connection_window_size(config.http2_connection_window_bytes)
            .max_header_list_size(u32::try_from(config.header_bytes_max).unwrap_or(u32::MAX))
            .max_send_buf_size(config.buffer_bytes_max)
            .keep_alive_interval(config.http2_ping_interval)
            .keep_alive_timeout(config.http2_ping_timeout);
        http2
    }
}

/// What happened beside a connection.
enum Aside {
    /// It is to drain; or, if it does, to be cut off.
    Asked,
    /// Its deadlines are to be looked at.
    Look,
}

/// How a client began.
struct Hello {
    version: HttpVersion,
    first_bytes: Bytes,
    /// When the first of them came.
    began: Instant,
}

enum HttpVersion {
    Http1,
    Http2,
}

/// Reads at least one byte.
async fn read_some(stream: &TcpStream, into: &mut [u8], within: Duration) -> io::Result<usize> {
    let read = async {
        loop {
            stream.readable().await?;
            match stream.try_read(into) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    };
    timeout(within, read).await.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
}

/// Ends the writing side, and reads what the client has sent until it hangs up too: closing over unread bytes would reset the
/// connection, which tells the client nothing.
async fn hang_up(mut stream: TcpStream, linger: Duration) {
    let ended = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await;
    let end = Instant::now() + linger;
    let mut scratch = [0; 1024];
    // Few reads: who goes on sending is reset.
    for _ in 0..64 {
        let left = end.duration_since(Instant::now());
        if ended.is_err() || read_some(&stream, &mut scratch, left).await.is_err() {
            return;
        }
    }
}

/// The tasks of one HTTP/2 connection: one for each stream, and so bounded by their number.
#[derive(Clone, Debug)]
struct StreamTasks {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl StreamTasks {
    fn new() -> Self {
        Self { tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Stops what is left and waits until it is gone.
    async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(stream).await });
    }
}

/// How many streams the server may have to refuse or to reset over the life of a connection; one more ends it, and with it
/// what was accepted. As many as h2 allows by default, since innocent clients get there: one that does not know the cap yet
/// opens 100 streams (RFC 9113 §6.5.2), and h2 counts the body that is still on its way when its request has been refused.
const LOCAL_RESETS_MAX: usize = 1_024;

/// What a client sends first if it speaks HTTP/2 without asking (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
