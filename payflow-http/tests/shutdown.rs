//! Shutdown: what is under way finishes, what is idle goes, and a deadline ends it.

mod harness;

use std::{convert::Infallible, future::Future, pin::pin, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::stream;

use harness::{Gate, HTTP2_HELLO, KEEP_ALIVE_REQUEST, Running, Seen, http2, in_time, post, statuses, stuck};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use payflow_http::{RequestBody, Server, ServerConfig, ServerError};
use tokio::{
    net::{TcpListener, TcpStream},
    task::consume_budget,
};
use tower::service_fn;

#[tokio::test]
async fn request_under_way_finishes() {
    let (gate, mut events) = Gate::new();
    let mut server = Running::start(ServerConfig::new(), gate.service()).await;
    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    events.begun().await;

    server.begin_stop();
    let address = server.address;
    in_time(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    gate.open(1);

    let sent = client.read_to_end().await;
    assert_eq!(statuses(&sent), [200]);
    assert!(sent.contains("connection: close\r\n"), "{sent:?}");
    let report = server.stop().await;
    assert_eq!((report.drained, report.cut_off), (1, 0));
}

#[tokio::test]
async fn http2_request_under_way_finishes() {
    let (gate, mut events) = Gate::new();
    let mut server = Running::start(ServerConfig::new(), gate.service()).await;
    let (mut client, connection) = http2(server.address).await;
    let request = tokio::spawn(client.send_request(post(server.address, "/wait", "")));
    events.begun().await;

    server.begin_stop();
    let address = server.address;
    in_time(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    gate.open(1);

    let answer = in_time(request).await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    in_time(connection).await.expect("no panic").expect("the server says good-bye in order");
    let report = server.stop().await;
    assert_eq!((report.drained, report.cut_off), (1, 0));
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let seen = Seen::default();
    let mut server = Running::start(ServerConfig::new(), seen.echo()).await;
    let mut used = server.connect().await;
    used.send(KEEP_ALIVE_REQUEST).await;
    used.read_answer().await;
    let (mut client, connection) = http2(server.address).await;
    in_time(client.send_request(post(server.address, "/", ""))).await.expect("an answer");
    let mut silent = server.connect().await;
    let mut third = server.connect().await;
    third.send(KEEP_ALIVE_REQUEST).await;
    third.read_answer().await;

    server.begin_stop();

    assert_eq!(used.read_to_end().await, "");
    assert_eq!(silent.read_to_end().await, "");
    assert_eq!(third.read_to_end().await, "");
    in_time(connection).await.expect("no panic").expect("the server says good-bye in order");
    let report = server.stop().await;
    assert_eq!((report.accepted, report.drained, report.cut_off), (4, 4, 0));
}

#[tokio::test]
async fn connections_that_never_asked_do_not_use_up_the_drain_time() {
    let seen = Seen::default();
    let config = ServerConfig::new().with_linger_deadline(Duration::from_millis(50));
    let server = Running::start(config, seen.echo()).await;
    let mut half_a_head = server.connect().await;
    half_a_head.send("GET / HTTP/1.1\r\n").await;
    // It has the server's settings, so it is past its preface, and it will not react to a good-bye.
    let mut http2 = server.connect().await;
    http2.send(HTTP2_HELLO).await;
    http2.read_frame().await;

    let report = server.stop().await;

    assert_eq!((report.accepted, report.drained, report.cut_off), (2, 2, 0));
    drop((half_a_head, http2));
}

/// All deadlines are over in a moment.
fn impatient() -> ServerConfig {
    let short = Duration::from_millis(50);
    ServerConfig::new().with_body_deadline(short).with_request_deadline(short).with_drain_deadline(short)
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let (gate, mut events) = Gate::new();
    let service = service_fn(move |_request: Request<RequestBody>| {
        let body = stuck(gate.note());
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let server = Running::start(impatient(), service).await;
    let mut client = server.connect().await;
    client.send(KEEP_ALIVE_REQUEST).await;
    events.begun().await;
    let (mut http2_client, _connection) = http2(server.address).await;
    let answer = in_time(http2_client.send_request(post(server.address, "/", ""))).await.expect("an answer");

    let report = server.stop().await;

    assert_eq!((report.accepted, report.drained, report.cut_off), (2, 0, 2));
    assert_eq!(events.dropped_by_now(), 2, "nothing outlives the server");
    assert!(!client.read_to_end().await.ends_with("0\r\n\r\n"), "the answer must not look whole");
    drop(answer);
}

#[tokio::test]
async fn what_uses_up_its_turns_is_cut_off_too() {
    let (gate, mut events) = Gate::new();
    let service = service_fn(move |_request: Request<RequestBody>| {
        let event = gate.note();
        let frames = stream::poll_fn(move |cx| {
            let _ = &event;
            while pin!(consume_budget()).poll(cx).is_ready() {}
            Poll::<Option<Result<Frame<Bytes>, Infallible>>>::Pending
        });
        async { Ok::<_, Infallible>(Response::new(StreamBody::new(frames))) }
    });
    let server = Running::start(impatient(), service).await;
    let mut client = server.connect().await;
    client.send(KEEP_ALIVE_REQUEST).await;
    events.begun().await;

    let report = server.stop().await;

    assert_eq!((report.accepted, report.drained, report.cut_off), (1, 0, 1));
    assert_eq!(events.dropped_by_now(), 1, "nothing outlives the server");
}

#[tokio::test]
async fn dropped_server_leaves_nothing_behind() {
    let (gate, mut events) = Gate::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = Server::new(ServerConfig::new()).expect("a valid config");
    let running = tokio::spawn(server.run(listener, gate.service(), std::future::pending()));
    let mut client = harness::Raw::connect(address).await;
    client.send("GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    let (mut http2_client, _connection) = http2(address).await;
    let request = tokio::spawn(http2_client.send_request(post(address, "/wait", "")));
    events.begun().await;
    events.begun().await;

    running.abort();

    events.dropped().await;
    events.dropped().await;
    assert_eq!(client.read_to_end().await, "");
    assert!(in_time(request).await.expect("no panic").is_err());
}

#[test]
fn unsafe_config_names_the_setting() {
    let config = ServerConfig::new().with_drain_deadline(Duration::from_secs(1));
    let error = Server::new(config).expect_err("requests may take longer than that");

    assert!(matches!(error, ServerError::Config { setting: "drain_deadline", .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("setting `drain_deadline` is wrong: set it no shorter than"), "{text}");
}
