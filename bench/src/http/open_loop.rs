//! Load on a server at even steps, whatever becomes of the requests before: what is late counts from when it was due.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::connection::{Connection, USERS, request};
use crate::schedule::due_at;
use crate::statistics::{Percentiles, percentiles};

/// So many connections, each on a thread of its own, to which the requests go in turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenLoop {
    pub(super) connections: u32,
    /// Requests a second; `None`: each connection posts again as soon as it is answered.
    pub(super) rate: Option<u64>,
    /// What is due before does not count.
    pub(super) warm_up: Duration,
    /// For how long it counts.
    pub(super) duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Paced {
    /// Requests a second.
    pub(crate) rate: f64,
    /// From the time at which a request was due to the end of its answer, in microseconds.
    pub(crate) micros: Percentiles,
}

impl OpenLoop {
    /// Posts payments to `path`.
    ///
    /// # Errors
    /// A request was not answered with success.
    pub(super) fn post(&self, address: SocketAddr, path: &str) -> anyhow::Result<Paced> {
        let requests: Vec<Vec<u8>> = (0..USERS).map(|number| request(path, number)).collect();
        let connections = (0..self.connections).map(|_| Connection::open(address));
        let connections =
            connections.collect::<Result<Vec<_>, _>>().context("the server takes no connection")?;
        let (begun, requests) = (Instant::now(), &requests);
        let delays = thread::scope(|scope| {
            let threads: Vec<_> = (0..)
                .zip(connections)
                .map(|(first, connection)| {
                    scope.spawn(move || self.carry(connection, first, requests, begun))
                })
                .collect();
            let ended = threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))?);
            ended.collect::<anyhow::Result<Vec<Vec<f64>>>>()
        })?;
        let delays = delays.concat();
        let rate = delays.len() as f64 / self.duration.as_secs_f64();
        Ok(Paced { rate, micros: percentiles(delays).context("no request was measured")? })
    }

    /// What one connection does. Tells how late the answers were.
    fn carry(
        &self,
        mut connection: Connection,
        first: u64,
        requests: &[Vec<u8>],
        begun: Instant,
    ) -> anyhow::Result<Vec<f64>> {
        let mut delays = Vec::new();
        let step = usize::try_from(self.connections)?;
        for number in (first..).step_by(step) {
            let due = match self.rate {
                Some(rate) => due_at(number, rate),
                None => begun.elapsed(),
            };
            if due >= self.warm_up + self.duration {
                break;
            }
            thread::sleep(due.saturating_sub(begun.elapsed()));
            let request = &requests[(number % USERS) as usize];
            let status =
                connection.ask(request).with_context(|| format!("request {number} is not answered"))?;
            ensure!((200..300).contains(&status), "request {number} is answered with {status}");
            if due >= self.warm_up {
                delays.push(begun.elapsed().saturating_sub(due).as_secs_f64() * 1e6);
            }
        }
        Ok(delays)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers each request that comes in one piece with this status.
    fn server(status: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut request = [0; 1_024];
                    while stream.read(&mut request).is_ok_and(|length| length > 0) {
                        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    const LOOP: OpenLoop = OpenLoop {
        connections: 3,
        rate: Some(200),
        warm_up: Duration::from_millis(50),
        duration: Duration::from_millis(100),
    };

    #[test]
    fn as_many_requests_as_are_due_are_sent_and_timed() {
        let paced = LOOP.post(server("202 Accepted"), "/pay").unwrap();
        // Each 5 ms, from 50 to 150 ms.
        assert_eq!((paced.rate * 0.1).round(), 20.0);
        assert!(paced.micros.p50 > 0.0 && paced.micros.p50 <= paced.micros.p999);
    }

    #[test]
    fn without_a_rate_each_connection_posts_again_and_again() {
        let paced = OpenLoop { rate: None, ..LOOP }.post(server("202 Accepted"), "/pay").unwrap();
        assert!(paced.rate > 0.0);
    }

    #[test]
    fn a_refusal_is_an_error() {
        let error = LOOP.post(server("503 Service Unavailable"), "/pay").unwrap_err().to_string();
        assert!(error.contains("is answered with 503"), "{error}");
    }
}
