//! The caps of the server: connections, requests, streams, headers.

mod harness;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::future::join_all;
use harness::{
    GOOD_REQUEST, Gate, HTTP2_DATA, HTTP2_GO_AWAY, HTTP2_HEADERS, HTTP2_HELLO, HTTP2_PING, HTTP2_RESET,
    KEEP_ALIVE_REQUEST, Raw, Running, Seen, http2, http2_frame, http2_get_wait, in_time, post, statuses,
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use payflow_http::{RequestBody, ServerConfig};
use tower::service_fn;

#[tokio::test]
async fn connection_above_the_cap_waits_for_a_place() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_connections_max(1), seen.echo()).await;

    let mut first = server.connect().await;
    first.send(KEEP_ALIVE_REQUEST).await;
    first.read_answer().await;
    let mut second = server.connect().await;
    second.send(GOOD_REQUEST).await;
    // The first goes on, while the second would have had every chance.
    for calls in 2..50 {
        first.send(KEEP_ALIVE_REQUEST).await;
        first.read_answer().await;
        assert_eq!(seen.calls(), calls);
    }

    drop(first);
    assert_eq!(statuses(&second.read_to_end().await), [200]);
    server.stop().await;
}

#[tokio::test]
async fn waiting_connections_do_not_hold_up_shutdown() {
    let (gate, mut events) = Gate::new();
    let mut server = Running::start(ServerConfig::new().with_connections_max(1), gate.service()).await;
    let mut first = server.connect().await;
    first.send("GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    events.begun().await;
    let mut second = server.connect().await;
    second.send(GOOD_REQUEST).await;

    server.begin_stop();
    assert_eq!(second.read_to_end().await, "");
    gate.open(1);
    assert_eq!(statuses(&first.read_to_end().await), [200]);
    assert_eq!(server.stop().await.accepted, 1);
}

#[tokio::test]
async fn request_above_the_cap_is_answered_503() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new().with_requests_max(1), gate.service()).await;
    let mut first = server.connect().await;
    first.send("GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    events.begun().await;

    let mut second = server.connect().await;
    second.send(KEEP_ALIVE_REQUEST).await;
    let answer = second.read_answer().await;
    assert_eq!(statuses(&answer), [503]);
    assert!(answer.contains("retry-after: 1\r\n"), "{answer:?}");

    gate.open(1);
    assert_eq!(statuses(&first.read_answer().await), [200]);
    second.send(GOOD_REQUEST).await;
    assert_eq!(
        statuses(&second.read_to_end().await),
        [200],
        "on the same connection, now that there is room"
    );
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn streams_never_pass_their_cap() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let service = service_fn({
        let most = Arc::clone(&most);
        move |_request: Request<RequestBody>| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        }
    });
    let server = Running::start(ServerConfig::new().with_http2_streams_max(3), service).await;
    let (mut client, _connection) = http2(server.address).await;
    // The client has the server's settings once it has an answer.
    in_time(client.send_request(post(server.address, "/", ""))).await.expect("an answer");

    let requests = (0..40).map(|_| client.send_request(post(server.address, "/", "")));
    for answer in in_time(join_all(requests)).await {
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn stream_above_the_cap_is_refused_for_a_repeat() {
    const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new().with_http2_streams_max(2), gate.service()).await;

    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    for stream in [1, 3, 5] {
        client.send(http2_get_wait(stream)).await;
    }
    let reset = loop {
        let frame = client.read_frame().await;
        if frame.kind == HTTP2_RESET {
            break frame;
        }
    };
    assert_eq!((reset.stream, &reset.payload[..]), (5, &REFUSED_STREAM[..]));

    events.begun().await;
    events.begun().await;
    gate.open(2);
    assert_eq!(two_answered(&mut client).await, [1, 3]);
    drop(client);
    server.stop().await;
}

/// A client takes 100 streams to be allowed until it has the server's settings.
#[tokio::test]
async fn streams_sent_before_the_cap_is_known_take_none_that_was_accepted_with_them() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new().with_http2_streams_max(2), gate.service()).await;
    let mut client = server.connect().await;
    client.send([HTTP2_HELLO.to_vec(), waiting_streams(100)].concat()).await;
    events.begun().await;
    events.begun().await;

    let mut refused = 0;
    while refused < 98 {
        let frame = client.read_frame().await;
        assert_ne!(frame.kind, HTTP2_GO_AWAY, "after {refused} refusals: {frame:?}");
        refused += usize::from(frame.kind == HTTP2_RESET);
    }

    gate.open(2);
    assert_eq!(two_answered(&mut client).await, [1, 3]);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn client_that_goes_on_above_the_cap_loses_its_connection() {
    let (gate, _events) = Gate::new();
    let server = Running::start(ServerConfig::new().with_http2_streams_max(2), gate.service()).await;
    let mut client = server.connect().await;

    // The refusals that are let pass, and one more.
    client.send([HTTP2_HELLO.to_vec(), waiting_streams(2 + 1_024 + 1)].concat()).await;

    while client.read_frame().await.kind != HTTP2_GO_AWAY {}
    drop(client);
    server.stop().await;
}

/// A refusal does not wait for the body, which may be on its way already.
#[tokio::test]
async fn bodies_that_come_after_their_refusals_take_no_request_that_was_accepted() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new().with_requests_max(1), gate.service()).await;
    let mut client = server.connect().await;
    client.send([HTTP2_HELLO.to_vec(), http2_get_wait(1)].concat()).await;
    events.begun().await;
    let refused = || (1..100).map(|number| number * 2 + 1);
    let heads = refused().flat_map(|stream| http2_frame(HTTP2_HEADERS, 0x4, stream, POST));
    client.send(heads.collect::<Vec<_>>()).await;
    for _ in refused() {
        while client.read_frame().await.kind != HTTP2_HEADERS {}
    }

    let bodies = refused().flat_map(|stream| http2_frame(HTTP2_DATA, 0x1, stream, b"{}"));
    client.send(bodies.chain(http2_frame(HTTP2_PING, 0, 0, b"all read")).collect::<Vec<_>>()).await;
    loop {
        let frame = client.read_frame().await;
        assert_ne!(frame.kind, HTTP2_GO_AWAY, "{frame:?}");
        if frame.kind == HTTP2_PING {
            break;
        }
    }

    gate.open(1);
    let answer = loop {
        let frame = client.read_frame().await;
        if frame.kind == HTTP2_HEADERS {
            break frame;
        }
    };
    assert_eq!(answer.stream, 1);
    drop(client);
    server.stop().await;
}

/// `POST http://a.example/`.
const POST: &[u8] = b"\x83\x86\x84\x41\x09a.example";

/// The next two streams that are answered, the lower one first.
async fn two_answered(client: &mut Raw) -> Vec<u8> {
    let mut answered = Vec::new();
    while answered.len() < 2 {
        let frame = client.read_frame().await;
        if frame.kind == HTTP2_HEADERS {
            answered.push(frame.stream);
        }
    }
    answered.sort_unstable();
    answered
}

/// As many requests that wait, each on a stream of its own.
fn waiting_streams(count: u32) -> Vec<u8> {
    (0..count).flat_map(|number| http2_get_wait(number * 2 + 1)).collect()
}

#[tokio::test]
async fn http2_headers_are_counted_too() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_headers_max(10), seen.echo()).await;
    let (mut client, _connection) = http2(server.address).await;

    let mut request = post(server.address, "/", "");
    for number in 0..11 {
        let name: http::HeaderName = format!("x-{number}").parse().expect("a name");
        request.headers_mut().insert(name, http::HeaderValue::from_static("y"));
    }
    let answer = in_time(client.send_request(request)).await.expect("an answer");

    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(seen.calls(), 0);
    drop(client);
    server.stop().await;
}
