//! Where the body of an HTTP/2 request ends: with the stream's end, and with nothing else.

mod harness;

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use harness::{
    HTTP2_DATA as DATA, HTTP2_HEADERS as HEADERS, HTTP2_HELLO, HTTP2_RESET as RESET, Raw, Running,
    http2_frame as frame, in_time,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use payflow_http::{RequestBody, RequestBodyError, ServerConfig};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower::service_fn;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// `POST http://a.example/`, and the same with `Content-Length: 0`.
const POST: &[u8] = b"\x83\x86\x84\x41\x09a.example";
const POST_NOTHING: &[u8] = b"\x83\x86\x84\x41\x09a.example\x0f\x0d\x010";
const SHORT: Duration = Duration::from_millis(50);
const NO_ERROR: [u8; 4] = [0; 4];
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// What the service saw of a body.
#[derive(Debug)]
enum Saw {
    Head,
    Data,
    Whole(Vec<u8>),
    Broken(RequestBodyError),
}

/// A server whose service tells each step in which it reads a body, and a client of it that said hello.
async fn telling(config: ServerConfig) -> (Running, Raw, UnboundedReceiver<Saw>) {
    let (tell, seen) = unbounded_channel();
    let service = service_fn(move |request: Request<RequestBody>| {
        let tell = tell.clone();
        async move {
            let _ = tell.send(Saw::Head);
            let mut body = request.into_body();
            let mut whole = Vec::new();
            let end = loop {
                match body.frame().await {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            whole.extend(data);
                            let _ = tell.send(Saw::Data);
                        }
                    }
                    Some(Err(error)) => break Saw::Broken(error),
                    None => break Saw::Whole(whole),
                }
            };
            let _ = tell.send(end);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    let server = Running::start(config, service).await;
    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    (server, client, seen)
}

async fn next(seen: &mut UnboundedReceiver<Saw>) -> Saw {
    in_time(seen.recv()).await.expect("the service runs")
}

#[tokio::test]
async fn body_that_is_broken_off_is_never_a_whole_one() {
    let (server, mut client, mut seen) = telling(ServerConfig::new()).await;
    let mut stream = 1;
    for (fields, data, code) in [
        (POST, None, NO_ERROR),
        (POST, Some(b"{}"), NO_ERROR),
        (POST, Some(b"{}"), CANCEL),
        (POST_NOTHING, None, NO_ERROR),
    ] {
        client.send(frame(HEADERS, END_HEADERS, stream, fields)).await;
        assert!(matches!(next(&mut seen).await, Saw::Head));
        if let Some(data) = data {
            client.send(frame(DATA, 0, stream, data)).await;
            assert!(matches!(next(&mut seen).await, Saw::Data));
        }

        client.send(frame(RESET, 0, stream, &code)).await;

        let end = next(&mut seen).await;
        let is_silent = matches!(end, Saw::Broken(RequestBodyError::BrokenOff));
        assert!(matches!(end, Saw::Broken(_)), "{data:?}, then {code:?}: {end:?}");
        assert_eq!(is_silent, code == NO_ERROR, "{end:?}");
        stream += 2;
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn body_of_a_client_that_answers_no_ping_is_never_a_whole_one() {
    let config = ServerConfig::new()
        .with_http2_ping_interval(SHORT)
        .with_http2_ping_timeout(SHORT)
        .with_linger_deadline(SHORT);
    let (server, mut client, mut seen) = telling(config).await;
    client.send(frame(HEADERS, END_HEADERS, 1, POST)).await;
    client.send(frame(DATA, 0, 1, b"{}")).await;

    client.read_to_end().await;
    server.stop().await;

    let mut saw = Vec::new();
    while let Some(step) = in_time(seen.recv()).await {
        saw.push(step);
    }
    assert!(!saw.iter().any(|step| matches!(step, Saw::Whole(_))), "{saw:?}");
}

#[tokio::test]
async fn body_ends_with_its_stream_however_that_ends() {
    let (server, mut client, mut seen) = telling(ServerConfig::new()).await;
    let mut stream = 1;
    let trailers = (HEADERS, END_HEADERS | END_STREAM, b"\0\x01x\x01y".as_slice());
    let last_data = |data| (DATA, END_STREAM, data);
    for (fields, frames, expected) in [
        (POST, vec![last_data(b"{}".as_slice())], "{}"),
        (POST, vec![(DATA, 0, b"{".as_slice()), last_data(b"}")], "{}"),
        (POST, vec![(DATA, 0, b"{}"), last_data(b"")], "{}"),
        (POST, vec![(DATA, 0, b"{}"), trailers], "{}"),
        (POST, vec![trailers], ""),
        (POST, vec![last_data(b"")], ""),
        (POST_NOTHING, vec![last_data(b"")], ""),
        (POST, vec![], ""),
        (POST_NOTHING, vec![], ""),
    ] {
        let flags = if frames.is_empty() { END_HEADERS | END_STREAM } else { END_HEADERS };
        client.send(frame(HEADERS, flags, stream, fields)).await;
        assert!(matches!(next(&mut seen).await, Saw::Head));
        for (kind, flags, payload) in &frames {
            client.send(frame(*kind, *flags, stream, payload)).await;
        }

        let end = loop {
            let saw = next(&mut seen).await;
            if !matches!(saw, Saw::Data) {
                break saw;
            }
        };
        assert!(matches!(&end, Saw::Whole(body) if body == expected.as_bytes()), "{frames:?}: {end:?}");
        stream += 2;
    }
    drop(client);
    server.stop().await;
}
