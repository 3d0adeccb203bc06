//! Requests to a service, in plain bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The payment id in the body, if there is one.
    pub(crate) fn payment_id(&self) -> Option<&str> {
        payment_id(&self.body)
    }
}

pub(crate) fn get(address: &str, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    ask(address, &request)
}

/// Pays, as curl does.
pub(crate) fn pay(address: &str, body: &str) -> Answer {
    ask(address, &payment(address, body, "Connection: close\r\n"))
}

/// Asks until the answer has this status.
#[track_caller]
pub(crate) fn await_status(address: &str, path: &str, status: u16) -> Answer {
    let start = Instant::now();
    loop {
        let answer = get(address, path);
        if answer.status == status {
            return answer;
        }
        assert!(start.elapsed() < LIMIT, "{path} is still answered with {answer:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

pub(super) fn payment(address: &str, body: &str, header: &str) -> String {
    let length = body.len();
    format!(
        "POST /pay HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{header}\r\n{body}"
    )
}

pub(super) fn payment_id(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("\"paymentId\":\"")?;
    rest.split_once('"').map(|(id, _)| id)
}

fn ask(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    stream.write_all(request.as_bytes()).expect("the service reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the service answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    Answer { status: status.expect("a status"), body: body.to_owned() }
}

const LIMIT: Duration = Duration::from_secs(120);
