//! What a client is told: where the services are, and how long things may take.

use std::time::Duration;

use http::Uri;

/// The settings of a [`GrpcClient`](crate::GrpcClient), each with a safe default.
///
/// ```
/// use std::time::Duration;
/// use payflow_grpc::{GrpcClient, GrpcClientConfig};
///
/// let config = GrpcClientConfig::new(["http://notify-1:50051", "http://notify-2:50051"])
///     .with_deadline(Duration::from_secs(5));
/// let client = GrpcClient::new(config)?;
/// # let _ = client;
/// # Ok::<(), payflow_grpc::InvalidGrpcConfig>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct GrpcClientConfig {
    pub(crate) endpoints: Vec<String>,
    pub(crate) deadline: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) keep_alive_interval: Duration,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) backoff_max: Duration,
    pub(crate) claim_lease: Option<Duration>,
    pub(crate) message_bytes_max: usize,
}

impl GrpcClientConfig {
    /// The most endpoints that are taken.
    pub const ENDPOINTS_MAX: usize = 64;
    /// The default of [`with_message_bytes_max`](Self::with_message_bytes_max): 64 KiB, as
    /// [the server's](crate::GrpcRouter::MESSAGE_BYTES_MAX).
    pub const MESSAGE_BYTES_MAX: usize = crate::GrpcRouter::MESSAGE_BYTES_MAX;

    /// Calls the services at these addresses in turn, each `http://HOST:PORT`, and leaves out for a while those that are not
    /// reached. TLS is left to what stands in front.
    ///
    /// Each entry is one connection, and a server bounds the calls at once on one: payflow's takes 100, the least that RFC 9113
    /// §6.5.2 recommends. Calls above that wait in the client while their deadlines run. A pipeline makes 256 by default: give
    /// the same address several times (four for 256), or lower the pipeline's concurrency.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(10),
            backoff_max: Duration::from_secs(5),
            claim_lease: Some(Duration::from_secs(60)),
            message_bytes_max: Self::MESSAGE_BYTES_MAX,
        }
    }

    /// How long a call may take, connecting included. Default 10 s: below a pipeline's handler timeout, so that the error says
    /// what failed. The other side is told of it, and drops what it does at the deadline.
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long a connection may take. Default 3 s. Not above the deadline.
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How often a connection with calls on it is asked whether it still lives. Default 20 s. Some servers take it amiss more
    /// often than every few minutes.
    pub const fn with_keep_alive_interval(mut self, interval: Duration) -> Self {
        self.keep_alive_interval = interval;
        self
    }

    /// How long the answer to that may take. Default 10 s. The connection is given up, and its calls are unknown.
    pub const fn with_keep_alive_timeout(mut self, timeout: Duration) -> Self {
        self.keep_alive_timeout = timeout;
        self
    }

    /// The longest pause before an endpoint that is not reached is tried again. Default 5 s; the first is 100 ms, and each is
    /// twice the one before.
    pub const fn with_backoff_max(mut self, pause: Duration) -> Self {
        self.backoff_max = pause;
        self
    }

    /// For how long the other side claims a notification while it sends it: the lease of its [`Once`](payflow_core::Once).
    /// Default 60 s, which is that one's default; `None` if it claims nothing. Above the deadline.
    ///
    /// A pipeline in front is refused if its handler timeout is not below it.
    pub const fn with_claim_lease(mut self, lease: Option<Duration>) -> Self {
        self.claim_lease = lease;
        self
    }

    /// The longest message that is sent, in bytes, 1 KiB to 16 MiB. Default [`MESSAGE_BYTES_MAX`](Self::MESSAGE_BYTES_MAX).
    /// A longer one is [`Permanent`](payflow_core::Fault::Permanent), and nothing is sent.
    ///
    /// Not above what the other side reads, which for payflow's server is
    /// [`GrpcRouter::with_message_bytes_max`](crate::GrpcRouter::with_message_bytes_max): a server answers a longer one
    /// `RESOURCE_EXHAUSTED`, as it does when a quota is spent, and so it would be sent again and again.
    pub const fn with_message_bytes_max(mut self, message_bytes_max: usize) -> Self {
        self.message_bytes_max = message_bytes_max;
        self
    }

    /// The addresses, if all settings are right and fit each other.
    pub(crate) fn check(&self) -> Result<Vec<Uri>, InvalidGrpcConfig> {
        for (setting, duration) in [
            ("deadline", self.deadline),
            ("connect_timeout", self.connect_timeout),
            ("keep_alive_interval", self.keep_alive_interval),
            ("keep_alive_timeout", self.keep_alive_timeout),
            ("backoff_max", self.backoff_max),
        ] {
            require((SHORTEST..=LONGEST).contains(&duration), setting, "must be 1 ms to 1 h")?;
        }
        require(
            self.connect_timeout <= self.deadline,
            "connect_timeout",
            "must not be above `deadline`, which ends the call before",
        )?;
        require(
            self.claim_lease.is_none_or(|lease| self.deadline < lease),
            "deadline",
            "must be below `claim_lease`, or a slow notification is sent twice: lower it, or raise the lease there and here",
        )?;
        require(
            (1..=Self::ENDPOINTS_MAX).contains(&self.endpoints.len()),
            "endpoints",
            "must be 1 to 64 addresses",
        )?;
        require(
            (KIB..=16 * 1024 * KIB).contains(&self.message_bytes_max),
            "message_bytes_max",
            "must be 1 KiB to 16 MiB",
        )?;
        self.endpoints.iter().map(|text| address(text)).collect()
    }
}

/// A setting that is refused, alone or beside another: its name, and why, and what to do instead. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {reason}")]
pub struct InvalidGrpcConfig {
    setting: &'static str,
    reason: &'static str,
}

impl InvalidGrpcConfig {
    /// The setting's name, as its setter has it without `with_`.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}

fn require(holds: bool, setting: &'static str, reason: &'static str) -> Result<(), InvalidGrpcConfig> {
    if holds { Ok(()) } else { Err(InvalidGrpcConfig { setting, reason }) }
}

fn address(text: &str) -> Result<Uri, InvalidGrpcConfig> {
    let refused = |reason| InvalidGrpcConfig { setting: "endpoints", reason };
    let uri: Uri = text.parse().map_err(|_| refused("must each be http://HOST:PORT"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(refused("cannot be reached by https: put a proxy that speaks TLS in front"));
        }
        _ => return Err(refused("must each begin with http://")),
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(refused("must have neither user nor path: gRPC sends none"));
    }
    Ok(uri)
}

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(60 * 60);
const KIB: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> GrpcClientConfig {
        GrpcClientConfig::new(["http://127.0.0.1:50051"])
    }

    #[test]
    fn defaults_pass_the_check() {
        assert_eq!(config().check().unwrap().len(), 1);
        assert_eq!(GrpcClientConfig::new(["http://a:1", "http://[::1]:2/"]).check().unwrap().len(), 2);
    }

    #[test]
    fn unsafe_settings_are_refused_by_name() {
        let second = Duration::from_secs(1);
        let none: [&str; 0] = [];
        for (named, config) in [
            ("deadline", config().with_deadline(Duration::ZERO)),
            ("deadline", config().with_deadline(60 * second)),
            ("deadline", config().with_claim_lease(Some(10 * second))),
            ("connect_timeout", config().with_connect_timeout(11 * second)),
            ("keep_alive_interval", config().with_keep_alive_interval(Duration::MAX)),
            ("keep_alive_timeout", config().with_keep_alive_timeout(Duration::ZERO)),
            ("backoff_max", config().with_backoff_max(Duration::ZERO)),
            ("message_bytes_max", config().with_message_bytes_max(KIB - 1)),
            ("message_bytes_max", config().with_message_bytes_max(16 * 1024 * KIB + 1)),
            ("endpoints", GrpcClientConfig::new(none)),
            ("endpoints", GrpcClientConfig::new(["http://a:1"; 65])),
            ("endpoints", GrpcClientConfig::new(["127.0.0.1:50051"])),
            ("endpoints", GrpcClientConfig::new(["https://a:1"])),
            ("endpoints", GrpcClientConfig::new(["http://u:secret@a:1"])),
            ("endpoints", GrpcClientConfig::new(["http://a:1/path"])),
            ("endpoints", GrpcClientConfig::new(["http://a b"])),
        ] {
            let refused = config.check().unwrap_err();
            assert_eq!(refused.setting(), named, "{config:?}");
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
        assert!(config().with_deadline(60 * second).with_claim_lease(None).check().is_ok());
    }
}
