//! An address to listen on.

use std::net::{Ipv4Addr, SocketAddr};

/// Reads `127.0.0.1:8080`, `[::1]:8080`, or `:8080` for every IPv4 address of the machine.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    if let Some(port) = text.strip_prefix(':') {
        let port = parse_port(port).ok_or("has no port from 0 to 65535")?;
        return Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    }
    text.parse().map_err(|_| {
        if text.contains("://") {
            "is a URL"
        } else if !text.contains(':') {
            "has no port"
        } else {
            "is no IP address with a port"
        }
    })
}

/// Digits alone: the standard library would take a plus sign.
pub(crate) fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
