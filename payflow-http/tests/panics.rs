//! A service that panics or fails: one answer, one line in the log, and nothing else harmed.

mod harness;

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use harness::{GOOD_REQUEST, Gate, Running, http2, in_time, post, statuses};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use payflow_http::{RequestBody, ServerConfig};
use tower::{Service, service_fn};
use tracing::subscriber::DefaultGuard;

/// Panics under `/panic`, and before there is a future under `/panic-early`.
fn panicking(
    gate: Gate,
) -> impl Service<Request<RequestBody>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |request: Request<RequestBody>| {
        assert_ne!(request.uri().path(), "/panic-early", "a secret");
        let gate = gate.clone();
        async move {
            assert_ne!(request.uri().path(), "/panic", "a secret");
            if request.uri().path() == "/wait" {
                gate.pass().await;
            }
            Ok(Response::new(Full::from("done")))
        }
    })
}

#[tokio::test]
async fn panic_is_answered_500_and_the_server_goes_on() {
    let server = Running::start(ServerConfig::new(), panicking(Gate::new().0)).await;

    for path in ["/panic", "/panic-early"] {
        let mut client = server.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")).await;
        let sent = client.read_to_end().await;
        assert_eq!(statuses(&sent), [500], "{path}");
        assert!(!sent.contains("secret"), "{sent:?}");
    }

    let mut client = server.connect().await;
    client.send(GOOD_REQUEST).await;
    assert_eq!(statuses(&client.read_to_end().await), [200]);
    server.stop().await;
}

#[tokio::test]
async fn panic_leaves_other_streams_alone() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(ServerConfig::new(), panicking(gate.clone())).await;
    let (mut client, _connection) = http2(server.address).await;
    let waits = tokio::spawn(client.send_request(post(server.address, "/wait", "")));
    events.begun().await;

    for path in ["/panic", "/panic-early"] {
        let answer = in_time(client.send_request(post(server.address, path, ""))).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }

    gate.open(1);
    let answer = in_time(waits).await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn grpc_client_is_told_that_a_panic_may_have_taken_effect() {
    let server = Running::start(ServerConfig::new(), panicking(Gate::new().0)).await;
    let (mut client, _connection) = http2(server.address).await;

    for path in ["/panic", "/panic-early"] {
        let mut request = post(server.address, path, "");
        request.headers_mut().insert("content-type", "application/grpc".parse().expect("a value"));
        let answer = in_time(client.send_request(request)).await.expect("an answer");
        // UNKNOWN: an INTERNAL would not say whether it was done.
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["grpc-status"], "2", "{path}");
        let message = answer.headers()["grpc-message"].to_str().expect("a text");
        assert_eq!(message, "the server failed on the request; it may have taken effect");
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn panic_in_a_body_breaks_off_that_answer_alone() {
    let (gate, mut events) = Gate::new();
    let service = service_fn(move |request: Request<RequestBody>| {
        let gate = gate.clone();
        async move {
            if request.uri().path() == "/wait" {
                gate.pass().await;
            }
            let mut frames = vec![Frame::data(Bytes::from("first"))].into_iter();
            let body = futures_util::stream::poll_fn(move |_cx| match frames.next() {
                Some(frame) => std::task::Poll::Ready(Some(Ok::<_, Infallible>(frame))),
                None if request.uri().path() == "/panic" => panic!("a secret"),
                None => std::task::Poll::Ready(None),
            });
            Ok::<_, Infallible>(Response::new(StreamBody::new(body)))
        }
    });
    let log = Log::default();
    let _guard = log.follow();
    let server = Running::start(ServerConfig::new(), service).await;

    let mut client = server.connect().await;
    client.send("GET /panic HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    let sent = client.read_to_end().await;
    assert!(!sent.ends_with("0\r\n\r\n"), "the answer must not look whole: {sent:?}");
    assert!(!sent.contains("secret"), "{sent:?}");

    let (mut client, _connection) = http2(server.address).await;
    let waits = tokio::spawn(client.send_request(post(server.address, "/wait", "")));
    events.begun().await;
    // A reset may overtake the head and the first piece.
    if let Ok(broken) = in_time(client.send_request(post(server.address, "/panic", ""))).await {
        in_time(broken.into_body().collect()).await.expect_err("the body breaks off");
    }
    assert!(!waits.is_finished());
    let whole = in_time(client.send_request(post(server.address, "/", ""))).await.expect("a head");
    in_time(whole.into_body().collect()).await.expect("the connection goes on");
    waits.abort();
    drop(client);
    assert_eq!(log.text().matches("body of an answer panicked").count(), 2, "{}", log.text());
    server.stop().await;
}

#[tokio::test]
async fn service_error_is_answered_500() {
    let service = service_fn(async |_request: Request<RequestBody>| {
        Err::<Response<Full<Bytes>>, _>(io::Error::other("a secret"))
    });
    let server = Running::start(ServerConfig::new(), service).await;

    let mut client = server.connect().await;
    client.send(GOOD_REQUEST).await;
    let sent = client.read_to_end().await;

    assert_eq!(statuses(&sent), [500]);
    assert!(!sent.contains("secret"), "{sent:?}");
    server.stop().await;
}

#[tokio::test]
async fn head_that_http_has_no_place_for_is_answered_500_while_the_client_still_sends() {
    let service = service_fn(async |_request: Request<RequestBody>| {
        let mut hints = Response::new(Full::<Bytes>::default());
        *hints.status_mut() = StatusCode::EARLY_HINTS;
        Ok::<_, Infallible>(hints)
    });
    let server = Running::start(ServerConfig::new(), service).await;

    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\n").await;

    assert_eq!(statuses(&client.send_on_and_read().await), [500]);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn panic_is_one_line_in_the_log() {
    let log = Log::default();
    let _guard = log.follow();
    let server = Running::start(ServerConfig::new(), panicking(Gate::new().0)).await;

    let mut client = server.connect().await;
    client.send("GET /panic?token=hidden HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    client.read_to_end().await;
    server.stop().await;

    let log = log.text();
    assert_eq!(log.lines().filter(|line| line.contains("ERROR")).count(), 1, "{log}");
    assert!(log.contains("service panicked") && log.contains("/panic") && log.contains("GET"), "{log}");
    assert!(!log.contains("hidden"), "{log}");
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Follows this thread, which is the only one of a test's runtime.
    fn follow(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no panic while it was held").clone();
        String::from_utf8(bytes).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while it was held").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
