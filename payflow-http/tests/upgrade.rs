//! An `Upgrade` that is not taken, as Java's client sends by default: nothing of the answer is lost by it.

mod harness;

use std::convert::Infallible;

use bytes::Bytes;
use harness::{Raw, Running, in_time, statuses};
use http::{Request, Response};
use http_body_util::Full;
use payflow_http::{RequestBody, ServerConfig};
use tokio::{io::AsyncReadExt, net::TcpSocket};
use tower::service_fn;

/// What hyper takes into its buffer at once, and what the sockets hold not nearly.
const ANSWER_BYTES: usize = 128 << 10;
const BUFFER_BYTES: usize = 1 << 20;

fn small_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(4096).expect("a socket option");
    socket.set_recv_buffer_size(4096).expect("a socket option");
    socket
}

#[tokio::test]
async fn answer_is_sent_to_its_end_before_the_connection_closes() {
    let socket = small_socket();
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let config = ServerConfig::new().with_buffer_bytes_max(BUFFER_BYTES);
    let service = service_fn(async |_request: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new(Full::from(Bytes::from(vec![b'x'; ANSWER_BYTES]))))
    });
    let server = Running::start_on(socket.listen(16).expect("a listener"), config, service);
    let stream = small_socket().connect(server.address).await.expect("the server listens");
    let mut client = Raw { stream };

    // The body never comes, and nobody asks for it: so it is the connection's last request.
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\n")
        .await;
    let mut sent = Vec::new();
    in_time(client.stream.read_to_end(&mut sent)).await.expect("an end without a reset");

    let head = sent.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(statuses(&String::from_utf8_lossy(&sent[..head])), [200]);
    assert_eq!(sent.len() - head, ANSWER_BYTES);
    drop(client);
    server.stop().await;
}
