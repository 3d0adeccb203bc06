//! Free ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context;

/// Where the search begins. Below lie the ports that well-known services use.
const FIRST: u16 = 20_000;

/// Where the kernel begins to take the ports of outgoing connections, if it does not say so itself.
const OUTGOING: u16 = 32_768;

/// A port of the loopback on which nothing listens now.
///
/// It lies below the range from which the kernel takes the ports of outgoing connections. So it stays free while
/// a part that had it is down: no connection is given it in the meantime, and no client that tries to reconnect
/// can reach itself. Each call of a process gives another port, and processes begin at different ones.
///
/// # Errors
///
/// None is free.
pub fn free_port() -> anyhow::Result<u16> {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let end = outgoing_range().filter(|low| *low > FIRST).unwrap_or(OUTGOING);
    let span = end - FIRST;
    first_free((0..span).map(|_| candidate(process::id(), CALLS.fetch_add(1, Ordering::Relaxed), span)))
        .with_context(|| format!("no port from {FIRST} to {} is free", end - 1))
}

fn first_free(mut ports: impl Iterator<Item = u16>) -> Option<u16> {
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// The first calls of processes that were started one after another lie far apart.
fn candidate(process: u32, call: u16, span: u16) -> u16 {
    const APART: u32 = 97;
    let offset = (process.wrapping_mul(APART)).wrapping_add(u32::from(call)) % u32::from(span);
    FIRST + u16::try_from(offset).expect("a remainder is less than its divisor")
}

fn outgoing_range() -> Option<u16> {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn port_is_below_those_of_outgoing_connections_and_given_once() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();

        let low = outgoing_range().unwrap_or(OUTGOING);
        assert!(ports.iter().all(|port| (FIRST..low).contains(port)), "{ports:?} below {low}");
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), ports.len());
    }

    #[test]
    fn port_that_is_taken_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().port();
        let free = free_port().unwrap();

        assert_eq!(first_free([taken, free].into_iter()), Some(free));
        assert_eq!(first_free([taken].into_iter()), None);
    }

    #[test]
    fn search_goes_round_all_ports_from_another_one_in_each_process() {
        let span = OUTGOING - FIRST;
        let ports: HashSet<u16> = (0..span).map(|call| candidate(4_000_000, call, span)).collect();

        assert_eq!(ports.len(), usize::from(span));
        assert!(ports.iter().all(|port| (FIRST..OUTGOING).contains(port)));
        assert_ne!(candidate(7, 0, span), candidate(8, 0, span));
    }
}
