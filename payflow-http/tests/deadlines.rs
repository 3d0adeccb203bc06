//! Each deadline of the server, by the event that it leads to.

mod harness;

use std::{convert::Infallible, time::Duration};

use harness::{
    Gate, HTTP2_GO_AWAY, HTTP2_HEADERS, HTTP2_HELLO, KEEP_ALIVE_REQUEST, Raw, Running, Seen, endless, http2,
    http2_get_wait, in_time, post, statuses,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use payflow_http::{RequestBody, RequestBodyError, ServerConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};
use tower::service_fn;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn silent_connection_is_closed() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_first_byte_deadline(SHORT), seen.echo()).await;

    let sent = server.connect().await.read_to_end().await;

    assert_eq!(sent, "");
    server.stop().await;
}

#[tokio::test]
async fn connection_with_a_broken_off_head_is_closed() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_header_deadline(SHORT), seen.echo()).await;

    for beginning in ["G", "\r", "GET / HTTP/1.1\r\nHost: a.exa", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM"] {
        let mut client = server.connect().await;
        client.send(beginning).await;
        assert_eq!(client.read_to_end().await, "", "{beginning:?}");
    }

    let mut client = server.connect().await;
    client.send(KEEP_ALIVE_REQUEST).await;
    client.read_answer().await;
    client.send("GET / HTTP/1.1\r\n").await;
    assert_eq!(client.read_to_end().await, "", "the second head of a connection");

    assert_eq!(seen.calls(), 1);
    server.stop().await;
}

/// Time is paused: it goes on where all wait for it, and what was sent has arrived by then.
#[tokio::test(start_paused = true)]
async fn head_has_one_deadline_from_its_first_byte_on() {
    let (seen, deadline) = (Seen::default(), Duration::from_secs(10));
    let server = Running::start(ServerConfig::new().with_header_deadline(deadline), seen.echo()).await;

    // The first byte may be one of HTTP/2, the next is not.
    for rest in ["X", "OST / HTTP/1.1\r\nHost: a.exa"] {
        let mut client = server.connect().await;
        let start = Instant::now();
        client.send("P").await;
        sleep(deadline * 9 / 10).await;
        client.send(rest).await;
        assert_eq!(client.read_to_end().await, "");

        let took = start.elapsed();
        assert!((deadline..deadline * 11 / 10).contains(&took), "{rest:?}: {took:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn head_that_trickles_in_is_closed() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_header_deadline(SHORT), seen.echo()).await;
    let Raw { stream } = server.connect().await;
    let (mut read, mut write) = stream.into_split();

    let trickle = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SHORT / 10);
        while write.write_all(b"X").await.is_ok() {
            ticks.tick().await;
        }
    });
    let mut sent = Vec::new();
    let _ = in_time(read.read_to_end(&mut sent)).await;

    assert!(sent.is_empty());
    trickle.abort();
    server.stop().await;
}

#[tokio::test]
async fn body_that_does_not_come_is_answered_408() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new().with_body_deadline(SHORT), seen.echo()).await;

    for request in [
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhell",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(request).await;
        let sent = client.read_to_end().await;
        assert_eq!(statuses(&sent).last(), Some(&408), "{sent:?}");
        assert!(sent.contains("application/problem+json"), "{sent:?}");
    }

    assert_eq!(seen.whole(), 0);
    server.stop().await;
}

#[tokio::test]
async fn answer_that_needed_no_whole_body_stays() {
    let service = service_fn(async |request: Request<RequestBody>| {
        let error = request.into_body().collect().await.err();
        assert!(matches!(error, Some(RequestBodyError::TimedOut)), "{error:?}");
        let mut response = Response::new(Full::from("enough"));
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok::<_, Infallible>(response)
    });
    let server = Running::start(ServerConfig::new().with_body_deadline(SHORT), service).await;

    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhell").await;

    assert_eq!(statuses(&client.read_to_end().await), [202]);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let seen = Seen::default();
    // Longer, since the client must find the time to ask.
    let server = Running::start(ServerConfig::new().with_idle_deadline(6 * SHORT), seen.echo()).await;

    let mut client = server.connect().await;
    client.send(KEEP_ALIVE_REQUEST).await;
    assert_eq!(statuses(&client.read_answer().await), [200]);
    assert_eq!(client.read_to_end().await, "");

    let (mut client, connection) = http2(server.address).await;
    let answer = in_time(client.send_request(post(server.address, "/", "hello"))).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    in_time(connection).await.expect("no panic").expect("the server says good-bye in order");
    server.stop().await;
}

#[tokio::test]
async fn client_of_an_old_http2_connection_is_told_and_its_request_is_answered() {
    let (gate, mut events) = Gate::new();
    let config = ServerConfig::new().with_http2_connection_age_max(SHORT);
    let server = Running::start(config, gate.service()).await;
    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    client.send(http2_get_wait(1)).await;
    events.begun().await;

    while client.read_frame().await.kind != HTTP2_GO_AWAY {}
    gate.open(1);

    let answer = loop {
        let frame = client.read_frame().await;
        if frame.kind == HTTP2_HEADERS {
            break frame;
        }
    };
    // The first field by its index in HPACK's table: the status 200.
    assert_eq!((answer.stream, answer.payload[0]), (1, 0x88));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn http2_connection_that_does_not_go_is_dropped() {
    let seen = Seen::default();
    let config = ServerConfig::new().with_idle_deadline(SHORT).with_linger_deadline(SHORT);
    let server = Running::start(config, seen.echo()).await;

    // A preface and no more: neither settings, nor a reaction to the server's good-bye.
    let mut client = server.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.read_to_end().await;
    server.stop().await;
}

#[tokio::test]
async fn service_that_hangs_is_dropped_and_answered_504() {
    let (gate, mut events) = Gate::new();
    let config = ServerConfig::new().with_body_deadline(SHORT).with_request_deadline(SHORT);
    let server = Running::start(config, gate.service()).await;

    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert_eq!(statuses(&client.read_to_end().await), [504]);
    events.dropped().await;

    let (mut client, _connection) = http2(server.address).await;
    let mut request = post(server.address, "/wait", "");
    request.headers_mut().insert("content-type", "application/grpc".parse().expect("a value"));
    let answer = in_time(client.send_request(request)).await.expect("an answer");
    assert_eq!(
        (answer.status(), &answer.headers()["grpc-status"]),
        (StatusCode::OK, &"4".parse().expect("a value"))
    );
    events.dropped().await;

    let answer = in_time(client.send_request(post(server.address, "/", ""))).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "the other streams of the connection go on");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn client_that_does_not_read_is_dropped() {
    let (gate, mut events) = Gate::new();
    let service = service_fn(move |_request: Request<RequestBody>| {
        let body = endless(gate.note());
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let server = Running::start(ServerConfig::new().with_write_deadline(SHORT), service).await;

    let mut client = server.connect().await;
    client.send(KEEP_ALIVE_REQUEST).await;
    events.dropped().await;

    // Its connection goes on answering pings; it is the stream that is not read.
    let (mut client, connection) = http2(server.address).await;
    let answer = in_time(client.send_request(post(server.address, "/", ""))).await.expect("an answer");
    events.dropped().await;
    drop(answer);
    let _ = in_time(connection).await;
    server.stop().await;
}

#[tokio::test]
async fn large_answer_does_not_hide_in_http2_buffers() {
    let service = service_fn(async |_request: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new(Full::from(vec![b'x'; 1024 * 1024])))
    });
    let server = Running::start(ServerConfig::new().with_write_deadline(SHORT), service).await;

    // It reads the socket, and opens no window.
    let mut client = server.connect().await;
    client.send(HTTP2_HELLO).await;
    client.send(http2_get_wait(1)).await;
    client.read_to_end().await;
    server.stop().await;
}

#[tokio::test]
async fn refused_client_gets_its_answer_while_it_still_sends() {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;

    // hyper keeps an `Upgrade` in mind until the connection ends.
    let upgrade = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    for (served, refused) in [
        (None, "garbage\r\n\r\n"),
        (None, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
        (None, "POST / HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 100\r\n\r\n"),
        (Some(upgrade), "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n"),
        (Some(upgrade), "garbage\r\n\r\n"),
    ] {
        let mut client = server.connect().await;
        if let Some(served) = served {
            client.send(served).await;
            assert_eq!(statuses(&client.read_answer().await), [200]);
        }
        client.send(refused).await;
        assert_eq!(statuses(&client.send_on_and_read().await), [400]);
    }
    server.stop().await;
}

#[tokio::test]
async fn refused_client_that_does_not_hang_up_loses_its_place() {
    let seen = Seen::default();
    let config = ServerConfig::new().with_connections_max(1).with_linger_deadline(SHORT);
    let server = Running::start(config, seen.echo()).await;

    let mut stays = server.connect().await;
    stays.send("garbage\r\n\r\n").await;
    assert_eq!(statuses(&stays.read_to_end().await), [400]);

    let mut next = server.connect().await;
    next.send(KEEP_ALIVE_REQUEST).await;
    assert_eq!(statuses(&next.read_answer().await), [200]);
    drop((stays, next));
    server.stop().await;
}
