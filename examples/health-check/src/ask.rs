//! One question over HTTP, and its answer.

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a service said: `200 ready`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    pub(crate) const fn is_yes(&self) -> bool {
        self.status == 200
    }

    /// Reads a whole answer in HTTP/1.1. `None`: it is none.
    fn parse(answer: &str) -> Option<Self> {
        let (head, text) = answer.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        Some(Self { status, text: text.trim().to_owned() })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On one line, whatever stands there.
        let text = self.text.replace(char::is_control, " ");
        write!(f, "{} {text}", self.status)
    }
}

/// Asks the service at `address` for `path`.
///
/// # Errors
///
/// Nothing listens there, or what does gives no answer in time or none in HTTP/1.1.
pub(crate) fn ask(address: SocketAddr, path: &str) -> Result<Answer> {
    let address = reached(address);
    let deadline = Instant::now() + TIMEOUT;
    let answer = exchange(address, path, deadline)
        .with_context(|| format!("{address} does not answer; does the service run, with this address?"))?;
    match Answer::parse(&answer) {
        Some(answer) => Ok(answer),
        None => bail!("{address} answers, but not in HTTP/1.1: another program has this address"),
    }
}

fn exchange(address: SocketAddr, path: &str, deadline: Instant) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let (mut answer, mut part) = (Vec::new(), [0; 1_024]);
    // By hand, so that neither a slow answer nor an endless one holds it.
    while answer.len() < ANSWER_BYTES_MAX {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            count => answer.extend_from_slice(&part[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Where a service is reached that listens on `address`.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// How long the service may take. Below what the Dockerfile gives the whole check.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A word is expected.
const ANSWER_BYTES_MAX: usize = 8 * 1_024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use super::*;

    /// Takes one connection, reads a request, and sends `answer`. Returns what was asked.
    fn serve(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (address, served)
    }

    #[test]
    fn service_is_asked_and_its_word_told() {
        for (status, word, yes) in
            [("200 OK", "ready", true), ("503 Service Unavailable", "not ready", false)]
        {
            let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{word}", word.len());
            let (address, served) = serve(text.leak());

            let answer = ask(address, "/readyz").unwrap();

            assert_eq!(answer.to_string(), format!("{} {word}", &status[..3]));
            assert_eq!(answer.is_yes(), yes);
            let request = served.join().unwrap();
            assert!(request.starts_with("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
        }
    }

    #[test]
    fn service_that_is_not_there_is_named() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

        let error = format!("{:#}", ask(free, "/readyz").unwrap_err());

        assert!(error.starts_with(&format!("{free} does not answer")), "{error}");
    }

    #[test]
    fn service_that_is_silent_is_not_waited_for_without_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();

        assert!(ask(listener.local_addr().unwrap(), "/readyz").is_err());
    }

    #[test]
    fn other_program_is_not_taken_for_a_service() {
        for answer in
            ["", "SSH-2.0-x\r\n", "HTTP/1.1 yes\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 20\r\n\r\n"]
        {
            let (address, served) = serve(answer);

            let error = ask(address, "/readyz").unwrap_err().to_string();

            assert!(error.contains("not in HTTP/1.1"), "{answer:?}: {error}");
            served.join().unwrap();
        }
    }

    #[test]
    fn answer_stays_on_one_line() {
        let answer = Answer::parse("HTTP/1.1 200 OK\r\n\r\nready\nerror: \u{1b}[31m").unwrap();

        assert_eq!(answer.to_string(), "200 ready error:  [31m");
    }

    #[test]
    fn service_on_every_address_is_asked_on_the_loopback() {
        for (told, asked) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("10.1.2.3:80", "10.1.2.3:80")]
        {
            assert_eq!(reached(told.parse().unwrap()).to_string(), asked);
        }
    }
}
