//! Which process listens on a port, as Linux tells it below `/proc`.
//!
//! A port that answers may belong to somebody else who was there before. Hence the look at who listens.

use std::collections::HashSet;
use std::fs;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Whether the process `pid` itself listens on `port`.
pub(crate) fn listens(pid: u32, port: u16) -> bool {
    // Java listens on IPv6 sockets, also for addresses of IPv4.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let inodes: HashSet<u64> = tables.iter().flat_map(|table| listening(table, port)).collect();
    !inodes.is_empty() && sockets(pid).any(|inode| inodes.contains(&inode))
}

/// The inodes of the sockets that listen on `port`, in a table of `/proc/net/tcp`'s form.
fn listening(table: &str, port: u16) -> impl Iterator<Item = u64> {
    table.lines().skip(1).filter_map(move |line| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?.rsplit_once(':')?.1;
        let state = words.nth(1)?;
        let inode = words.nth(5)?.parse().ok()?;
        (u16::from_str_radix(local, 16) == Ok(port) && state == LISTEN).then_some(inode)
    })
}

/// The inodes of the sockets that a process holds; none if it is gone.
fn sockets(pid: u32) -> impl Iterator<Item = u64> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| socket(fs::read_link(file.path()).ok()?.to_str()?))
}

/// `socket:[4711]`
fn socket(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process;

    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:2384 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 0000000000000000FFFF00000100007F:2385 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
   3: torn";

    #[test]
    fn only_the_listening_socket_of_the_port_counts() {
        assert_eq!(listening(TABLE, 0x2384).collect::<Vec<_>>(), [4711]);
        assert_eq!(listening(TABLE, 0x2385).collect::<Vec<_>>(), [4713]);
        assert_eq!(listening(TABLE, 0xC350).count(), 0);
    }

    #[test]
    fn file_that_is_no_socket_is_passed_over() {
        assert_eq!(socket("socket:[4711]"), Some(4711));
        assert_eq!(socket("pipe:[4711]"), None);
        assert_eq!(socket("/dev/null"), None);
    }

    #[test]
    fn listener_belongs_to_its_process_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _connection = TcpStream::connect(("127.0.0.1", port)).unwrap();

        assert!(listens(process::id(), port));
        assert!(!listens(1, port), "that of another process");
        drop(listener);
        assert!(!listens(process::id(), port), "a connection does not listen");
    }
}
