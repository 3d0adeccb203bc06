//! HTTP/2 with prior knowledge, and what must pass through for gRPC.

mod harness;

use std::convert::Infallible;

use axum::{Router, routing};
use bytes::Bytes;
use futures_util::stream;
use harness::{
    Gate, HTTP2_HEADERS, HTTP2_HELLO, Running, Seen, http2, http2_frame, http2_get_wait, in_time, post,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use payflow_http::{RequestBody, ServerConfig};
use tokio::net::TcpStream;
use tower::service_fn;

#[tokio::test]
async fn request_is_served_over_http2() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    let (mut client, _connection) = http2(server.address).await;

    let answer = in_time(client.send_request(post(server.address, "/", "hello"))).await.expect("an answer");

    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
    let body = in_time(answer.into_body().collect()).await.expect("a body");
    assert_eq!(body.to_bytes(), "hello");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn later_request_overtakes_one_that_waits() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new(), gate.service()).await;
    let (mut client, _connection) = http2(server.address).await;

    let first = tokio::spawn(client.send_request(post(server.address, "/wait", "")));
    events.begun().await;
    let second = in_time(client.send_request(post(server.address, "/", ""))).await.expect("an answer");
    assert_eq!(second.status(), StatusCode::OK);
    assert!(!first.is_finished());

    gate.open(1);
    let first = in_time(first).await.expect("no panic").expect("an answer");
    assert_eq!(first.status(), StatusCode::OK);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn streams_and_trailers_pass_in_both_directions() {
    let service = service_fn(async |request: Request<RequestBody>| {
        let body = request.into_body().collect().await.expect("a whole body");
        let trailers = body.trailers().cloned().expect("trailers");
        let data = body.to_bytes();
        let frames = [Ok::<_, Infallible>(Frame::data(data)), Ok(Frame::trailers(trailers))];
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    });
    let server = Running::start(ServerConfig::new(), service).await;
    let stream = TcpStream::connect(server.address).await.expect("the server listens");
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a handshake");
    tokio::spawn(connection);

    // More than the windows, so that they have to be opened again, and more than one piece of an answer.
    let piece = Bytes::from(vec![b'x'; 100_000]);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut frames: Vec<Result<_, Infallible>> = (0..10).map(|_| Ok(Frame::data(piece.clone()))).collect();
    frames.push(Ok(Frame::trailers(trailers.clone())));
    let request = Request::post(format!("http://{}/", server.address))
        .body(StreamBody::new(stream::iter(frames)))
        .expect("a request");
    let answer = in_time(client.send_request(request)).await.expect("an answer");
    let body = in_time(answer.into_body().collect()).await.expect("a body");

    assert_eq!(body.trailers(), Some(&trailers));
    assert_eq!(body.to_bytes(), vec![b'x'; 1_000_000]);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn request_for_two_hosts_is_refused() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    let (mut client, _connection) = http2(server.address).await;

    let mut request = post(server.address, "/", "");
    request.headers_mut().insert("host", HeaderValue::from_static("b.example"));
    let answer = in_time(client.send_request(request)).await.expect("an answer");

    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(seen.calls(), 0);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn request_with_two_lengths_is_refused() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    let (mut client, _connection) = http2(server.address).await;

    // h2 resets the stream if they differ.
    for (lengths, status) in [(&["5"][..], 200), (&["5", "5"], 400)] {
        let mut request = post(server.address, "/", "hello");
        for length in lengths {
            request.headers_mut().append("content-length", HeaderValue::from_static(length));
        }
        let answer = in_time(client.send_request(request)).await.expect("an answer");

        assert_eq!(answer.status(), status, "{lengths:?}");
    }
    assert_eq!(seen.calls(), 1);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn refused_head_is_answered_without_a_body() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    // A HEAD for two hosts: the method is a literal, and `host` is the 38th name of HPACK's table.
    let fields = b"\x02\x04HEAD\x86\x84\x41\x09a.example\x0f\x17\x09b.example";
    client.send(http2_frame(HTTP2_HEADERS, 0x5, 1, fields)).await;

    let answer = loop {
        let frame = client.read_frame().await;
        if frame.stream == 1 {
            break frame;
        }
    };

    // The status 400 is the 12th field of the table.
    assert_eq!((answer.kind, answer.payload[0]), (HTTP2_HEADERS, 0x8c), "{answer:?}");
    assert_ne!(answer.flags & 0x1, 0, "the stream ends with the head");

    let mut older = server.connect().await;
    older.send("HEAD http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n").await;
    let answer = older.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains("content-length: 1"), "{answer}");
    assert_eq!(seen.calls(), 0);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn client_that_goes_away_drops_its_request() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new(), gate.service()).await;

    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    client.send(http2_get_wait(1)).await;
    events.begun().await;
    drop(client);
    events.dropped().await;

    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    events.begun().await;
    drop(client);
    events.dropped().await;
    server.stop().await;
}

#[tokio::test]
async fn port_for_http2_alone_closes_what_begins_otherwise() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_http2_only(), seen.echo()).await;

    for hello in [&b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nXX"] {
        let mut client = server.connect().await;
        client.send(hello).await;
        assert_eq!(client.read_to_end().await, "");
    }
    let (mut client, _connection) = http2(server.address).await;
    let answer = in_time(client.send_request(post(server.address, "/", "hello"))).await.expect("an answer");

    assert_eq!((answer.status(), seen.calls()), (StatusCode::OK, 1));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn axum_router_fits() {
    let router: Router = Router::new().route("/echo", routing::post(async |body: Bytes| body));
    let server = Running::start(ServerConfig::new(), router).await;
    let (mut client, _connection) = http2(server.address).await;

    let answer =
        in_time(client.send_request(post(server.address, "/echo", "hello"))).await.expect("an answer");

    let body = in_time(answer.into_body().collect()).await.expect("a body");
    assert_eq!(body.to_bytes(), "hello");
    drop(client);
    server.stop().await;
}
