//! Where notifications go.

use std::fmt;

use super::address::parse_port;
use super::brokers::is_host;

/// The address of a notification service, by `http` or `https`.
///
/// `Display` and `Debug` show scheme, host and port alone: what stands before the host and behind the port may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct NotifyUrl {
    whole: String,
    /// Scheme, host and port.
    shown: String,
}

impl NotifyUrl {
    /// All of it, with user, password and path. Not for the log.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.whole
    }

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a space, a control character or a letter beyond ASCII");
        }
        let (scheme, rest) = text.split_once("://").ok_or(NO_SCHEME)?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(NO_SCHEME);
        }
        if rest.contains('#') {
            return Err("has a fragment (#…), which no server would see");
        }
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host_and_port)| host_and_port);
        check_host_and_port(host_and_port)?;
        let shown = format!("{}://{host_and_port}", scheme.to_ascii_lowercase());
        Ok(Self { whole: text.to_owned(), shown })
    }
}

impl fmt::Display for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotifyUrl({}, rest not shown)", self.shown)
    }
}

const NO_SCHEME: &str = "has no http:// or https:// in front";

fn check_host_and_port(text: &str) -> Result<(), &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        // A colon within the brackets of an IPv6 address parts nothing.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if !is_host(host) {
        return Err("has no legal host");
    }
    match port.map(parse_port) {
        None | Some(Some(1..)) => Ok(()),
        Some(_) => Err("has no port from 1 to 65535 behind its host"),
    }
}
