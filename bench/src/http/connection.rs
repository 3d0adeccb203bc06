//! A connection that is kept alive: one request, its answer, the next request.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A client of HTTP/1.1 that knows no more than is measured here.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, received: Vec::with_capacity(4_096) })
    }

    /// Sends a request as it stands, reads the whole answer, and tells its status.
    ///
    /// # Errors
    /// The connection ends, nothing comes for long, or the answer has no length.
    pub(super) fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request)?;
        self.received.clear();
        loop {
            let mut part = [0; 4_096];
            let length = self.stream.read(&mut part)?;
            if length == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.received.extend_from_slice(&part[..length]);
            if let Some(head) = Head::read(&self.received)? {
                if self.received.len() > head.whole {
                    return Err(invalid("more than one answer"));
                }
                if self.received.len() == head.whole {
                    return Ok(head.status);
                }
            }
        }
    }
}

/// A request that posts a payment of the `number`th of 1,024 users.
pub(super) fn request(path: &str, number: u64) -> Vec<u8> {
    let body = format!(r#"{{"userId":"u{:03}","amount":49.99,"method":"paypal"}}"#, number % USERS + 1);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// As many as wrk's load has.
pub(super) const USERS: u64 = 1_024;
/// Longer than a front door takes to give up.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// How many bytes the answer has, its body included.
    whole: usize,
}

impl Head {
    /// `None` while it is not there as a whole.
    fn read(received: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = received.windows(END.len()).position(|bytes| bytes == END) else {
            return Ok(None);
        };
        let head = str::from_utf8(&received[..end]).map_err(|_| invalid("an answer that is no text"))?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let length = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let (status, length) =
            status.zip(length).ok_or_else(|| invalid("an answer without status or length"))?;
        Ok(Some(Self { status, whole: end + END.len() + length }))
    }
}

const END: &[u8] = b"\r\n\r\n";

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-Length: 5\r\n\r\nhello";
        assert_eq!(Head::read(answer).unwrap(), Some(Head { status: 202, whole: answer.len() }));
        for cut in 0..answer.len() - 5 {
            assert_eq!(Head::read(&answer[..cut]).unwrap(), None, "{cut}");
        }
    }

    #[test]
    fn an_answer_without_status_or_length_is_refused() {
        for answer in [
            "HTTP/1.1 202 Accepted\r\n\r\n",
            "HTTP/1.1 202 Accepted\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 2\r\ncontent-length: 0\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(Head::read(answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_request_tells_the_length_of_its_body() {
        let request = String::from_utf8(request("/pay", 1_025)).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /pay HTTP/1.1\r\n"), "{head}");
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        assert_eq!(body, r#"{"userId":"u002","amount":49.99,"method":"paypal"}"#);
    }
}
