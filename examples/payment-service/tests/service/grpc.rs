//! Payments over gRPC, on the port of HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Kafka, shared_brokers, unique};
use crate::start;

/// A call of `Pay` with the first three fields, as it goes over the wire: preface, settings, head, message.
fn call() -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let mut head = b"\x83\x86".to_vec();
    for (name, value) in [
        (":path", "/payment.PaymentService/Pay"),
        (":authority", "a.example"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("idempotency-key", "k1"),
    ] {
        head.push(0);
        for text in [name, value] {
            head.push(u8::try_from(text.len()).expect("a short text"));
            head.extend(text.bytes());
        }
    }
    let message = b"\0\0\0\0\x17\x0a\x04u001\x11\x1f\x85\xeb\x51\xb8\xfe\x48\x40\x1a\x06paypal";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    [preface, frame(4, 0, 0, &[]), frame(1, 4, 1, &head), frame(0, 1, 1, message)].concat()
}

/// The payment's id out of the answer's message: 38 bytes, of which two say that 36 of field 1 follow.
fn pay(address: &str) -> String {
    const BEFORE: &[u8] = b"\0\0\0\0\x26\x0a\x24";
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.write_all(&call()).expect("it reads");
    let (mut seen, mut byte) = (Vec::new(), [0]);
    loop {
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error}: {}", seen.escape_ascii()));
        seen.push(byte[0]);
        if let Some((rest, id)) = seen.split_last_chunk::<36>()
            && rest.ends_with(BEFORE)
        {
            return String::from_utf8(id.to_vec()).expect("an id is text");
        }
    }
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn payment_over_grpc_is_on_the_topic_under_its_id() {
    let (brokers, topic) = (shared_brokers(), unique("payments"));
    let program = start(&brokers, &topic, &["--ensure-topics"]);
    program.ready();

    let id = pay(&program.address());
    assert_eq!(pay(&program.address()), id, "the same key, the same payment");

    let records = Kafka::new(&brokers).read_all(&topic);
    assert_eq!(records.len(), 2);
    for record in records {
        let value = br#"{"userId":"u001","amount":49.99,"method":"paypal"}"#.as_slice();
        assert_eq!(record.value.as_deref(), Some(value));
        assert_eq!(record.header("payflow-payment-id"), Some(id.as_str()));
    }
}
