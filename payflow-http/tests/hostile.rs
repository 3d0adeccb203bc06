//! HTTP/2 as an attacker speaks it, frame by frame: memory stays bounded, and others are served.

mod harness;

use std::time::Duration;

use harness::{
    Gate, HTTP2_HEADERS, HTTP2_HELLO, HTTP2_PING, HTTP2_SETTINGS, Raw, Running, Seen, http2,
    http2_frame as frame, http2_get_wait, http2_hello_with_window, http2_open_window, in_time, post,
};
use http::StatusCode;
use payflow_http::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a flood may send at most before the server has to have ended it.
const FLOOD_BYTES: usize = 64 << 20;
/// What the process may grow by meanwhile: far below the flood, far above what tests beside it need.
const GROWTH_BYTES: usize = 24 << 20;

const CONTINUATION: u8 = 0x9;
const RESET: u8 = 0x3;
const GO_AWAY: u8 = 0x7;
const END_HEADERS: u8 = 0x4;
const ENHANCE_YOUR_CALM: &[u8] = &[0, 0, 0, 11];

/// The memory that the process has in use.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells it");
    let pages: usize = statm.split(' ').nth(1).expect("a second column").parse().expect("a number");
    pages * 4_096
}

/// Sends the same bytes again and again, reading nothing, until the server hangs up or the flood is over. Returns how much
/// was taken, and whether the server hung up.
async fn flood(client: &mut Raw, bytes: &[u8]) -> (usize, bool) {
    let before = resident_bytes();
    let burst = bytes.repeat((64 * 1024 / bytes.len()).max(1));
    let mut sent = 0;
    let mut hung_up = false;
    while sent < FLOOD_BYTES && !hung_up {
        match in_time(client.stream.write(&burst)).await {
            Ok(written) if written > 0 => sent += written,
            _ => hung_up = true,
        }
    }
    let growth = resident_bytes().saturating_sub(before);
    assert!(growth < GROWTH_BYTES, "{sent} bytes of a flood made the process grow by {growth}");
    (sent, hung_up)
}

/// Somebody else is served.
async fn check_others(server: &Running) {
    let (mut other, _connection) = http2(server.address).await;
    let answer = in_time(other.send_request(post(server.address, "/", ""))).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

/// Reads what the server still says, and returns the code of its good-bye, if it says one.
async fn good_bye(client: &mut Raw) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // A reset counts as hanging up.
    let _ = in_time(client.stream.read_to_end(&mut bytes)).await;
    let mut rest = bytes.as_slice();
    while let Some((head, after)) = rest.split_at_checked(9) {
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = after.get(..length)?;
        if head[3] == GO_AWAY && payload.get(4..8) != Some(&[0; 4]) {
            return payload.get(4..8).map(<[u8]>::to_vec);
        }
        rest = &after[length..];
    }
    None
}

#[tokio::test]
async fn rapid_resets_end_the_connection_and_leave_no_request_behind() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new(), gate.service()).await;
    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    let mut requests = Vec::new();
    for number in 0..20_000_u32 {
        let stream = number * 2 + 1;
        requests.extend(http2_get_wait(stream));
        requests.extend(frame(RESET, 0, stream, &[0, 0, 0, 8]));
    }

    client.send(&requests).await;

    // A connection that is reset in the middle may take the good-bye with it; it has ended all the same.
    if let Some(code) = good_bye(&mut client).await {
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    check_others(&server).await;
    let report = server.stop().await;
    assert_eq!(report.cut_off, 0, "nothing is left that would hold a stop up");
    // What had reached the service is gone with it.
    drop(gate);
    let gone = events.dropped_by_now();
    let begun = events.begun_by_now();
    assert_eq!(gone, begun);
}

#[tokio::test]
async fn a_head_without_an_end_ends_the_connection() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    // A field that is well-formed, as a literal without indexing; and a frame with nothing in it.
    let field = [b"\x00\x01x\x7f\x81\x7f".as_slice(), &[b'y'; 256]].concat();
    for payload in [field.repeat(60), Vec::new()] {
        let mut client = server.connect().await;
        client.send(HTTP2_HELLO).await;
        client.send(frame(HTTP2_HEADERS, 0, 1, b"\x82\x86\x84\x41\x09a.example")).await;

        let (sent, hung_up) = flood(&mut client, &frame(CONTINUATION, 0, 1, &payload)).await;

        assert!(hung_up, "{sent} bytes of one head were taken");
        check_others(&server).await;
    }
    assert_eq!(seen.calls(), 2, "only the others came to the service");
    server.stop().await;
}

#[tokio::test]
async fn frames_that_want_an_answer_and_do_not_read_it_are_held_back() {
    let seen = Seen::default();
    let config = ServerConfig::new().with_write_deadline(Duration::from_millis(300));
    let server = Running::start(config, seen.echo()).await;
    for flood_frame in [frame(HTTP2_SETTINGS, 0, 0, &[]), frame(HTTP2_PING, 0, 0, &[0; 8])] {
        let mut client = server.connect().await;
        client.send(HTTP2_HELLO).await;

        let (sent, hung_up) = flood(&mut client, &flood_frame).await;

        assert!(hung_up, "{sent} bytes were taken, and no answer was read");
        check_others(&server).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_unpacks_to_more_than_is_allowed_reaches_no_service() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    // A field of 2,000 bytes is put into the table, and then named by a byte each time: 6 MB in 5 KB, or 40 KB in few fields.
    for times in [3_000, 20] {
        let mut head = b"\x82\x86\x84\x41\x09a.example\x40\x01x\x7f\xd1\x0e".to_vec();
        head.extend([b'y'; 2_000]);
        head.extend(vec![0xbe; times]);
        let before = resident_bytes();

        let mut client = server.connect().await;
        client.send(HTTP2_HELLO).await;
        client.send(frame(HTTP2_HEADERS, END_HEADERS | 1, 1, &head)).await;
        // It is refused with its stream or with its connection, by how much it is too large.
        let refusal = loop {
            let frame = client.read_frame().await;
            if [HTTP2_HEADERS, RESET, GO_AWAY].contains(&frame.kind) {
                break frame;
            }
        };

        assert!(refusal.kind == GO_AWAY || refusal.stream == 1, "{refusal:?}");
        let growth = resident_bytes().saturating_sub(before);
        assert!(growth < GROWTH_BYTES, "the process grew by {growth}");
        assert_eq!(seen.calls(), 0, "named {times} times");
    }
    check_others(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn answers_for_which_no_window_is_opened_are_given_up() {
    let (gate, mut events) = Gate::new();
    gate.open(100);
    let config = ServerConfig::new().with_write_deadline(Duration::from_millis(300));
    let server = Running::start(config, gate.service()).await;
    let mut client = server.connect().await;
    client.send(http2_hello_with_window(0)).await;
    for number in 0..100 {
        client.send(http2_get_wait(number * 2 + 1)).await;
    }

    client.read_to_end().await;

    for _ in 0..100 {
        events.dropped().await;
    }
    check_others(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn answers_for_which_no_window_is_opened_are_given_up_whatever_others_are_taken() {
    let (gate, _events) = Gate::new();
    gate.open(10_000);
    let deadline = Duration::from_millis(300);
    // One connection takes all places.
    let config = ServerConfig::new().with_write_deadline(deadline).with_requests_max(100);
    let server = Running::start(config, gate.service()).await;
    let mut client = server.connect().await;
    client.send(http2_hello_with_window(0)).await;
    for number in 0..100 {
        client.send(http2_get_wait(number * 2 + 1)).await;
    }
    let (mut read, mut write) = client.stream.into_split();

    let one_after_another = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(deadline / 2);
        for number in 0.. {
            ticks.tick().await;
            let taken = http2_open_window(number * 2 + 1, 1_000);
            let begun = http2_get_wait((100 + number) * 2 + 1);
            if write.write_all(&[taken, begun].concat()).await.is_err() {
                break;
            }
        }
    });
    // A reset counts as hanging up.
    let _ = in_time(read.read_to_end(&mut Vec::new())).await;

    check_others(&server).await;
    one_after_another.abort();
    server.stop().await;
}
