//! What waits for an HTTP/2 client's window counts as under way, whoever holds it; what was taken does not wait.

mod harness;

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use harness::{
    GOOD_REQUEST, Gate, HTTP2_DATA, HTTP2_HEADERS, HTTP2_HELLO, Raw, Running, http2, http2_get_wait,
    http2_hello_with_window, http2_open_window, in_time, post,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use payflow_http::{RequestBody, ServerConfig};
use tower::service_fn;

/// One piece of an answer, which the HTTP layer takes from the body in whole as soon as there is room for one byte.
const LENGTH: usize = 16 * 1024;

/// How an answer's end shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is known with the last piece.
    Known,
    /// The body is asked once more.
    Asked,
    Trailers,
}

const ENDS: [End; 3] = [End::Known, End::Asked, End::Trailers];

fn body(end: End) -> UnsyncBoxBody<Bytes, Infallible> {
    let bytes = Bytes::from(vec![b'x'; LENGTH]);
    let mut frames = vec![Ok(Frame::data(bytes.clone()))];
    match end {
        End::Known => return Full::from(bytes).boxed_unsync(),
        End::Asked => {}
        End::Trailers => {
            let trailers =
                HeaderMap::from_iter([(HeaderName::from_static("x-end"), HeaderValue::from_static("0"))]);
            frames.push(Ok(Frame::trailers(trailers)));
        }
    }
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

async fn start(config: ServerConfig, end: End) -> Running {
    let service = service_fn(move |_request: Request<RequestBody>| async move {
        Ok::<_, Infallible>(Response::new(body(end)))
    });
    // No client here answers pings.
    Running::start(config.with_http2_ping_interval(Duration::from_secs(3600)), service).await
}

/// A client that has taken one byte of its answer.
async fn client_with_one_byte(server: &Running) -> Raw {
    let mut client = server.connect().await;
    client.send(http2_hello_with_window(1)).await;
    client.send(http2_get_wait(1)).await;
    assert_eq!(read_data(&mut client, 1).await, 1);
    client
}

/// Reads until that much of the answer has come.
async fn read_data(client: &mut Raw, enough: usize) -> usize {
    let mut length = 0;
    while length < enough {
        let frame = client.read_frame().await;
        if frame.kind == HTTP2_DATA {
            length += frame.payload.len();
        }
    }
    length
}

/// What another client is told.
async fn ask(server: &Running) -> StatusCode {
    let (mut client, _connection) = http2(server.address).await;
    in_time(client.send_request(post(server.address, "/", ""))).await.expect("an answer").status()
}

#[tokio::test]
async fn end_of_an_answer_keeps_its_place_until_it_is_taken() {
    for end in ENDS {
        let server = start(ServerConfig::new().with_requests_max(1), end).await;
        let mut client = client_with_one_byte(&server).await;
        assert_eq!(ask(&server).await, StatusCode::SERVICE_UNAVAILABLE, "{end:?}");

        client.send(http2_open_window(1, 65_535)).await;
        assert_eq!(read_data(&mut client, LENGTH - 1).await, LENGTH - 1);
        if end == End::Trailers {
            while client.read_frame().await.kind != HTTP2_HEADERS {}
        }
        assert_eq!(ask(&server).await, StatusCode::OK, "{end:?}");
        drop(client);
        server.stop().await;
    }
}

#[tokio::test]
async fn end_of_an_answer_that_is_not_taken_is_given_up() {
    for end in ENDS {
        let config = ServerConfig::new().with_write_deadline(Duration::from_millis(50)).with_requests_max(1);
        let server = start(config, end).await;
        let mut client = client_with_one_byte(&server).await;

        client.read_to_end().await;

        assert_eq!(ask(&server).await, StatusCode::OK, "{end:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn end_of_an_answer_is_let_be_taken_at_a_stop() {
    for end in ENDS {
        let config = ServerConfig::new().with_linger_deadline(Duration::from_millis(50));
        let mut server = start(config, end).await;
        let mut client = client_with_one_byte(&server).await;
        let mut idle = server.connect().await;
        idle.send(HTTP2_HELLO).await;
        idle.read_frame().await;

        server.begin_stop();
        // It does not react to the good-bye, so that it is dropped when it has lingered.
        idle.read_to_end().await;
        client.send(http2_open_window(1, 65_535)).await;

        assert_eq!(read_data(&mut client, LENGTH - 1).await, LENGTH - 1, "{end:?}");
        drop(client);
        let report = server.stop().await;
        assert_eq!((report.drained, report.cut_off), (2, 0));
    }
}

#[tokio::test]
async fn answer_whose_rest_is_not_ready_is_not_late() {
    // A small piece is copied where it is written from; a large one is not.
    for length in [1, LENGTH] {
        let (gate, mut events) = Gate::new();
        let waits = gate.clone();
        let service = service_fn(move |_request: Request<RequestBody>| {
            let gate = waits.clone();
            let rest = stream::once(async move {
                gate.pass().await;
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"rest")))
            });
            let first = stream::iter([Ok(Frame::data(Bytes::from(vec![b'x'; length])))]);
            async { Ok::<_, Infallible>(Response::new(StreamBody::new(first.chain(rest)))) }
        });
        let config = ServerConfig::new().with_write_deadline(Duration::from_millis(50));
        let server = Running::start(config, service).await;
        let mut http1 = server.connect().await;
        http1.send(GOOD_REQUEST).await;
        events.begun().await;
        let mut http2 = server.connect().await;
        http2.send(HTTP2_HELLO).await;
        http2.send(http2_get_wait(1)).await;
        assert_eq!(read_data(&mut http2, length).await, length);
        events.begun().await;

        // One that began later is given up, so that the deadline is over.
        let mut takes_nothing = server.connect().await;
        takes_nothing.send(http2_hello_with_window(0)).await;
        takes_nothing.send(http2_get_wait(1)).await;
        takes_nothing.read_to_end().await;
        gate.open(2);

        assert_eq!(read_data(&mut http2, 4).await, 4);
        assert!(http1.read_to_end().await.ends_with("4\r\nrest\r\n0\r\n\r\n"));
        drop(http2);
        server.stop().await;
    }
}
