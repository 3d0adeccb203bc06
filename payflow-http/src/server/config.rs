//! The limits of a server: how long it waits, and how much it holds.

use std::time::Duration;

use super::ServerError;

/// The limits that a [`Server`](crate::Server) keeps, each with a safe default.
///
/// Setters take and return the config by value; [`Server::new`](crate::Server::new) checks the result as a whole.
/// Every deadline lies between 1 ms and 24 h. Memory is bounded by `connections_max` times the two HTTP/2 windows
/// or `buffer_bytes_max`, plus whatever the service keeps for at most `requests_max` requests.
///
/// ```
/// use std::time::Duration;
/// use payflow_http::{Server, ServerConfig};
///
/// let config = ServerConfig::new().with_connections_max(256).with_body_deadline(Duration::from_secs(5));
/// let server = Server::new(config)?;
/// # let _ = server;
/// # Ok::<(), payflow_http::ServerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub(super) connections_max: usize,
    pub(super) requests_max: usize,
    pub(super) first_byte_deadline: Duration,
    pub(super) header_deadline: Duration,
    pub(super) body_deadline: Duration,
    pub(super) request_deadline: Duration,
    pub(super) service_deadline: Option<Duration>,
    pub(super) idle_deadline: Duration,
    pub(super) write_deadline: Duration,
    pub(super) linger_deadline: Duration,
    pub(super) drain_deadline: Duration,
    pub(super) headers_max: usize,
    pub(super) header_bytes_max: usize,
    pub(super) buffer_bytes_max: usize,
    pub(super) http2_only: bool,
    pub(super) http2_streams_max: u32,
    pub(super) http2_resets_max: usize,
    pub(super) http2_stream_window_bytes: u32,
    pub(super) http2_connection_window_bytes: u32,
    pub(super) http2_ping_interval: Duration,
    pub(super) http2_ping_timeout: Duration,
    pub(super) http2_connection_age_max: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerConfig {
    /// Creates a config with the defaults that each setter names.
    pub const fn new() -> Self {
        Self {
            connections_max: 1024,
            requests_max: 4096,
            first_byte_deadline: Duration::from_secs(10),
            header_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(10),
            request_deadline: Duration::from_secs(22),
            service_deadline: None,
            idle_deadline: Duration::from_secs(75),
            write_deadline: Duration::from_secs(20),
            linger_deadline: Duration::from_secs(2),
            drain_deadline: Duration::from_secs(25),
            headers_max: 100,
            header_bytes_max: 16 * KIB,
            buffer_bytes_max: 64 * KIB,
            http2_only: false,
            http2_streams_max: 100,
            http2_resets_max: 20,
            http2_stream_window_bytes: 64 * 1024,
            http2_connection_window_bytes: 256 * 1024,
            http2_ping_interval: Duration::from_secs(20),
            http2_ping_timeout: Duration::from_secs(10),
            http2_connection_age_max: Duration::from_secs(60 * 60),
        }
    }

    /// Sets how many connections are open at once. Default 1,024.
    ///
    /// One more is not accepted: it waits in the kernel's backlog, so that the clients in front of it are served at
    /// full speed. Keep it below the process's limit of open files.
    pub const fn with_connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections;
        self
    }

    /// Sets how many requests are under way at once, over all connections. Default 4,096.
    ///
    /// Each is until its answer has left for the socket. One more is answered 503 with `Retry-After` before the service sees
    /// it (`UNAVAILABLE` for gRPC). Health checks count too: give them a server and a listener of their own where overload
    /// must not fail them.
    pub const fn with_requests_max(mut self, requests: usize) -> Self {
        self.requests_max = requests;
        self
    }

    /// Sets how long a new connection may stay silent. Default 10 s: long enough for a slow handshake, and a silent
    /// connection holds one of `connections_max`.
    pub const fn with_first_byte_deadline(mut self, deadline: Duration) -> Self {
        self.first_byte_deadline = deadline;
        self
    }

    /// Sets how long the head of an HTTP/1 request may take, from its first byte. Default 10 s. The connection is
    /// closed without an answer.
    pub const fn with_header_deadline(mut self, deadline: Duration) -> Self {
        self.header_deadline = deadline;
        self
    }

    /// Sets how long the body of a request may take, from the end of its head. Default 10 s.
    ///
    /// Then the body yields [`RequestBodyError::TimedOut`](crate::RequestBodyError::TimedOut), and a 4xx answer of
    /// the service becomes 408. Not above `request_deadline`. It bounds client streams of gRPC as well.
    pub const fn with_body_deadline(mut self, deadline: Duration) -> Self {
        self.body_deadline = deadline;
        self
    }

    /// Sets how long the service may take until it answers, from the end of the request's head. Default 22 s:
    /// more than the body's 10 s and the 10 s of [`DirectIntake`](payflow_core::DirectIntake) together, so that the route,
    /// which knows the payment's id, answers first.
    ///
    /// This is the backstop for a service that hangs: its future is dropped and the answer is 504
    /// (`DEADLINE_EXCEEDED` for gRPC), since what it did until then is not known. A route that can tell more sets a
    /// shorter deadline of its own: tell it by [`with_service_deadline`](Self::with_service_deadline). The body of the
    /// answer is not counted; `write_deadline` bounds that.
    pub const fn with_request_deadline(mut self, deadline: Duration) -> Self {
        self.request_deadline = deadline;
        self
    }

    /// Tells the deadline that the service keeps by itself once it has the request's body, such as
    /// [`Intake::decided_within`](payflow_core::Intake::decided_within). Default `None`: not known.
    ///
    /// Then a `request_deadline` is refused that is not above it and `body_deadline` together, so that the service, which
    /// knows more, answers first. It sets no deadline itself.
    pub const fn with_service_deadline(mut self, deadline: Option<Duration>) -> Self {
        self.service_deadline = deadline;
        self
    }

    /// Sets how long a connection may stay open without a request. Default 75 s: above the 60 s after which common
    /// load balancers drop an idle connection, so that it is not the server that closes first.
    pub const fn with_idle_deadline(mut self, deadline: Duration) -> Self {
        self.idle_deadline = deadline;
        self
    }

    /// Sets how long a client may take nothing of what is ready for it. Default 20 s. The connection is closed.
    ///
    /// It holds for a full socket, and for an HTTP/2 client that opens no window: of each answer by itself it has to take
    /// 16 KiB in that time, or all that is ready. A service that is slow to produce its answer's body does not count.
    pub const fn with_write_deadline(mut self, deadline: Duration) -> Self {
        self.write_deadline = deadline;
        self
    }

    /// Sets how long a connection that is being closed, and has nothing under way, waits for the client to hang up.
    /// Default 2 s.
    ///
    /// A client that was refused in the middle of its request is still sending; closing at once would reset the
    /// connection and could take the answer with it (RFC 9112 §9.6).
    pub const fn with_linger_deadline(mut self, deadline: Duration) -> Self {
        self.linger_deadline = deadline;
        self
    }

    /// Sets how long requests under way may go on after shutdown began. Default 25 s: under the 30 s after which
    /// common supervisors kill. Not below `request_deadline`, so that shutdown cuts off no request that is in time.
    pub const fn with_drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain_deadline = deadline;
        self
    }

    /// Sets how many header lines a request may have, 1 to 1,000. Default 100. More are answered 431. Trailers are
    /// counted by themselves.
    pub const fn with_headers_max(mut self, headers: usize) -> Self {
        self.headers_max = headers;
        self
    }

    /// Sets how many bytes a request's head may have, 1 KiB to `buffer_bytes_max`. Default 16 KiB. More are answered
    /// 431. Trailers are counted by themselves; for HTTP/2 it is the size of the decoded list (RFC 9113 §6.5.2).
    pub const fn with_header_bytes_max(mut self, bytes: usize) -> Self {
        self.header_bytes_max = bytes;
        self
    }

    /// Sets how many bytes are buffered for each HTTP/1 connection and direction, and for sending on each HTTP/2
    /// stream, 8 KiB to 16 MiB. Default 64 KiB: one read of the largest usual request.
    pub const fn with_buffer_bytes_max(mut self, bytes: usize) -> Self {
        self.buffer_bytes_max = bytes;
        self
    }

    /// Closes connections that do not begin as HTTP/2 does, for a port that serves gRPC alone. Default: HTTP/1.1 is served too.
    pub const fn with_http2_only(mut self) -> Self {
        self.http2_only = true;
        self
    }

    /// Sets how many streams an HTTP/2 connection may have open at once. Default 100, the least that RFC 9113 §6.5.2
    /// recommends. One more is refused with a code that tells the client to try again.
    pub const fn with_http2_streams_max(mut self, streams: u32) -> Self {
        self.http2_streams_max = streams;
        self
    }

    /// Sets how many streams a client may have reset at once before the server came to look at them. Default 20. One more
    /// closes the connection: it guards against rapid resets.
    ///
    /// What the server has to reset counts apart, up to 1,024 over the life of a connection: streams that it refuses above
    /// `http2_streams_max`, those that break the protocol, and those whose body still comes long after their request was
    /// answered, such as many that found no place under `requests_max`.
    pub const fn with_http2_resets_max(mut self, resets: usize) -> Self {
        self.http2_resets_max = resets;
        self
    }

    /// Sets how many bytes of a body an HTTP/2 client may send ahead on a stream, up to 2³¹ − 1. Default 64 KiB.
    pub const fn with_http2_stream_window_bytes(mut self, bytes: u32) -> Self {
        self.http2_stream_window_bytes = bytes;
        self
    }

    /// Sets how many bytes an HTTP/2 client may send ahead on all streams together, 64 KiB to 2³¹ − 1. Default
    /// 256 KiB. Not below `http2_stream_window_bytes`.
    pub const fn with_http2_connection_window_bytes(mut self, bytes: u32) -> Self {
        self.http2_connection_window_bytes = bytes;
        self
    }

    /// Sets how often an HTTP/2 client is asked whether it is still there. Default 20 s: finds a dead peer well
    /// before the request deadline of a few requests has passed.
    pub const fn with_http2_ping_interval(mut self, interval: Duration) -> Self {
        self.http2_ping_interval = interval;
        self
    }

    /// Sets how long an HTTP/2 client may take to answer that. Default 10 s. The connection is closed.
    pub const fn with_http2_ping_timeout(mut self, timeout: Duration) -> Self {
        self.http2_ping_timeout = timeout;
        self
    }

    /// Sets how long an HTTP/2 connection is used. Default 1 h, less up to a tenth, so that those that came together do not go
    /// together.
    ///
    /// Then its client is told to open another one; requests under way are let finish. So clients that keep their connections
    /// for good find servers that were added. HTTP/1 has no word for it that loses no request.
    pub const fn with_http2_connection_age_max(mut self, age: Duration) -> Self {
        self.http2_connection_age_max = age;
        self
    }

    /// Checks what the setters cannot: ranges that the HTTP layer would panic on, and combinations that are unsafe.
    pub(super) fn check(&self) -> Result<(), ServerError> {
        for (setting, duration) in [
            ("first_byte_deadline", self.first_byte_deadline),
            ("header_deadline", self.header_deadline),
            ("body_deadline", self.body_deadline),
            ("request_deadline", self.request_deadline),
            ("idle_deadline", self.idle_deadline),
            ("write_deadline", self.write_deadline),
            ("linger_deadline", self.linger_deadline),
            ("drain_deadline", self.drain_deadline),
            ("http2_ping_interval", self.http2_ping_interval),
            ("http2_ping_timeout", self.http2_ping_timeout),
            ("http2_connection_age_max", self.http2_connection_age_max),
        ] {
            require((SHORTEST..=LONGEST).contains(&duration), setting, "set it between 1 ms and 24 h")?;
        }

        let counts = 1..=COUNT_MAX;
        require(counts.contains(&self.connections_max), "connections_max", "set it between 1 and 1000000")?;
        require(counts.contains(&self.requests_max), "requests_max", "set it between 1 and 1000000")?;
        require((1..=1000).contains(&self.headers_max), "headers_max", "set it between 1 and 1000")?;
        require(self.http2_streams_max > 0, "http2_streams_max", "set it to 1 or more")?;
        require(self.http2_resets_max > 0, "http2_resets_max", "set it to 1 or more")?;

        require(
            (8 * KIB..=16 * 1024 * KIB).contains(&self.buffer_bytes_max),
            "buffer_bytes_max",
            "set it between 8 KiB and 16 MiB",
        )?;
        require(
            (KIB..=self.buffer_bytes_max).contains(&self.header_bytes_max),
            "header_bytes_max",
            "set it between 1 KiB and `buffer_bytes_max`, through which every head passes",
        )?;
        require(
            (1..=WINDOW_BYTES_MAX).contains(&self.http2_stream_window_bytes),
            "http2_stream_window_bytes",
            "set it between 1 and 2147483647",
        )?;
        require(
            (64 * 1024..=WINDOW_BYTES_MAX).contains(&self.http2_connection_window_bytes)
                && self.http2_connection_window_bytes >= self.http2_stream_window_bytes,
            "http2_connection_window_bytes",
            "set it between 64 KiB and 2147483647, and not below `http2_stream_window_bytes`",
        )?;

        require(
            self.body_deadline <= self.request_deadline,
            "body_deadline",
            "set it no longer than `request_deadline`, or it never takes effect",
        )?;
        let answers_first = |service: Duration| {
            service.checked_add(self.body_deadline).is_some_and(|needed| needed < self.request_deadline)
        };
        require(
            self.service_deadline.is_none_or(answers_first),
            "request_deadline",
            "set it above `body_deadline` and the service's own deadline together, or lower those, so that the service \
             answers first and tells what it knows",
        )?;
        require(
            self.drain_deadline >= self.request_deadline,
            "drain_deadline",
            "set it no shorter than `request_deadline`, or shutdown cuts off requests that are in time",
        )
    }
}

fn require(holds: bool, setting: &'static str, remedy: &'static str) -> Result<(), ServerError> {
    if holds { Ok(()) } else { Err(ServerError::Config { setting, remedy }) }
}

const KIB: usize = 1024;
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Far above what one process can serve, and below what a semaphore can count.
const COUNT_MAX: usize = 1_000_000;
/// The largest window that HTTP/2 knows (RFC 9113 §6.9.1).
const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_the_check() {
        assert!(ServerConfig::default().check().is_ok());
    }

    #[test]
    fn request_deadline_leaves_the_service_its_own() {
        let second = Duration::from_secs(1);
        let check = |service| ServerConfig::new().with_service_deadline(service).check();
        assert!(check(None).is_ok());
        assert!(check(Some(12 * second - Duration::from_nanos(1))).is_ok(), "10 s are the body's, of 22 s");
        for reaches_it in [12 * second, 60 * second, Duration::MAX] {
            let Err(ServerError::Config { setting, remedy }) = check(Some(reaches_it)) else {
                panic!("{reaches_it:?} was taken");
            };
            assert_eq!(setting, "request_deadline");
            assert!(remedy.contains("`body_deadline`"), "{remedy}");
        }
    }

    #[test]
    fn unsafe_settings_are_refused_by_name() {
        let base = ServerConfig::new;
        let second = Duration::from_secs(1);
        for (named, config) in [
            ("connections_max", base().with_connections_max(0)),
            ("connections_max", base().with_connections_max(usize::MAX)),
            ("requests_max", base().with_requests_max(0)),
            ("first_byte_deadline", base().with_first_byte_deadline(Duration::ZERO)),
            ("header_deadline", base().with_header_deadline(Duration::MAX)),
            ("linger_deadline", base().with_linger_deadline(Duration::from_nanos(1))),
            ("http2_connection_age_max", base().with_http2_connection_age_max(Duration::ZERO)),
            ("body_deadline", base().with_body_deadline(23 * second)),
            ("drain_deadline", base().with_drain_deadline(19 * second)),
            ("headers_max", base().with_headers_max(0)),
            ("header_bytes_max", base().with_header_bytes_max(64 * KIB + 1)),
            ("buffer_bytes_max", base().with_buffer_bytes_max(8 * KIB - 1)),
            ("http2_streams_max", base().with_http2_streams_max(0)),
            ("http2_resets_max", base().with_http2_resets_max(0)),
            ("http2_stream_window_bytes", base().with_http2_stream_window_bytes(1 << 31)),
            ("http2_connection_window_bytes", base().with_http2_connection_window_bytes(64 * 1024 - 1)),
            ("http2_connection_window_bytes", base().with_http2_stream_window_bytes(256 * 1024 + 1)),
        ] {
            let Err(ServerError::Config { setting, .. }) = config.check() else {
                panic!("{named} was taken: {config:?}");
            };
            assert_eq!(setting, named);
        }
    }
}
