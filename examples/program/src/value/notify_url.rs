//! Where notifications go.

use std::fmt;

use super::address::parse_port;
use super::brokers::is_host;

/// The address of a notification service: `http`, a host, and a port if it is not 80.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyUrl(String);

impl NotifyUrl {
    /// The address, as it was told.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a call over gRPC would leave out is refused: nobody shall believe that it counts.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a space, a control character or a letter beyond ASCII");
        }
        let (scheme, rest) = text.split_once("://").ok_or(NO_SCHEME)?;
        if scheme.eq_ignore_ascii_case("https") {
            return Err("has https:// in front, and TLS is left to a proxy");
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(NO_SCHEME);
        }
        let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("has a user, whom no call would name");
        }
        check_host_and_port(authority)?;
        if !matches!(behind, "" | "/") {
            return Err("has more behind its host, which no call would send");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const NO_SCHEME: &str = "has no http:// in front";

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
