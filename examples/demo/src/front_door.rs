//! Where the demo listens, and how others reach it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, bail};
use tokio::net::TcpListener;

/// Listens on `address`; where it is taken, the error names the command that would work.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let error = match TcpListener::bind(address).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::AddrInUse {
        let other = free_behind(address).await;
        bail!(
            "{address} is taken by another program; serve on another address:\n\n  \
             cargo run -p demo -- --http-addr {other}\n"
        );
    }
    bail!("cannot serve on {address}: {error}; set another address with --http-addr or PAYFLOW_HTTP_ADDR");
}

/// The address under which this machine reaches `listener`.
pub(crate) fn reachable(listener: &TcpListener) -> io::Result<SocketAddr> {
    let mut address = listener.local_addr()?;
    // "Every address" is none that can be called.
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address)
}

/// The next port that is free, or 0, which stands for any free one.
async fn free_behind(taken: SocketAddr) -> SocketAddr {
    let next = taken.port().saturating_add(1)..=taken.port().saturating_add(PORTS_TRIED);
    for port in next {
        let address = SocketAddr::new(taken.ip(), port);
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
    SocketAddr::new(taken.ip(), 0)
}

const PORTS_TRIED: u16 = 20;
