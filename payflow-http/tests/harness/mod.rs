//! A server on a free port, and clients that speak to it in raw bytes or HTTP/2.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use payflow_http::{RequestBody, Server, ServerConfig, ServerError, ServerReport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tower::{Service, service_fn};

/// Ends a test that would hang; nothing is asserted about time.
const HANG: Duration = Duration::from_secs(30);

pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(HANG, future).await.expect("the awaited event never came")
}

/// A server that runs until it is told to stop.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<ServerReport, ServerError>>,
}

impl Running {
    pub(crate) async fn start<S, B>(config: ServerConfig, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::start_on(listener, config, service)
    }

    pub(crate) fn start_on<S, B>(listener: TcpListener, config: ServerConfig, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let server = Server::new(config).expect("a valid config");
        let task = tokio::spawn(server.run(listener, service, async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), task }
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// Begins the shutdown; what is open goes on.
    pub(crate) fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).expect("the server runs");
        }
    }

    pub(crate) async fn stop(mut self) -> ServerReport {
        self.begin_stop();
        in_time(self.task).await.expect("the server does not panic").expect("the server ends well")
    }
}

/// A connection that sends and receives bytes.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream }
    }

    /// The server may close while this writes; what it answered shows in what is read.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads until the server hangs up, which is the event that most tests wait for.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = in_time(self.stream.read_to_end(&mut bytes)).await;
        // A reset counts as hanging up; what was read until then stays.
        let _ = read;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Goes on sending when the answer is there, and reads it then. A server that has closed would answer the first write
    /// with a reset, and the second would fail.
    pub(crate) async fn send_on_and_read(&mut self) -> String {
        in_time(self.stream.peek(&mut [0])).await.expect("an answer");
        for _ in 0..2 {
            self.stream.write_all(b"and so on").await.expect("the server still takes what comes");
        }
        let mut sent = String::new();
        in_time(self.stream.read_to_string(&mut sent)).await.expect("an end without a reset");
        sent
    }

    /// Reads one frame of HTTP/2.
    pub(crate) async fn read_frame(&mut self) -> Http2Frame {
        let mut head = [0; 9];
        in_time(self.stream.read_exact(&mut head)).await.expect("the connection is open");
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        in_time(self.stream.read_exact(&mut payload)).await.expect("the connection is open");
        Http2Frame { kind: head[3], flags: head[4], stream: head[8], payload }
    }

    /// Reads one answer with `Content-Length`, and leaves the connection open.
    pub(crate) async fn read_answer(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut byte = [0];
        loop {
            let read = in_time(self.stream.read(&mut byte)).await.expect("the connection is open");
            assert_eq!(read, 1, "closed in the middle of {:?}", String::from_utf8_lossy(&bytes));
            bytes.push(byte[0]);
            let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split("content-length: ").nth(1).expect("an answer with a length");
                let length: usize = length.lines().next().unwrap_or_default().parse().expect("a number");
                if body.len() >= length {
                    return String::from_utf8_lossy(&bytes).into_owned();
                }
            }
        }
    }
}

/// The status codes of all answers in what an HTTP/1 server sent.
pub(crate) fn statuses(sent: &str) -> Vec<u16> {
    let answers = sent.split("HTTP/1.").skip(1);
    answers.map(|answer| answer[2..5].parse().expect("a status code")).collect()
}

/// A frame of HTTP/2.
pub(crate) fn http2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small payload").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// What an HTTP/2 client sends first that opens a window of so many bytes for each answer.
pub(crate) fn http2_hello_with_window(bytes: u32) -> Vec<u8> {
    let window = [&[0, 4], &bytes.to_be_bytes()[..]].concat();
    [&HTTP2_HELLO[..24], &http2_frame(HTTP2_SETTINGS, 0, 0, &window)].concat()
}

/// Opens the window of an answer by so many bytes more.
pub(crate) fn http2_open_window(stream: u32, bytes: u32) -> Vec<u8> {
    http2_frame(HTTP2_WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

/// What an HTTP/2 client sends first: the preface and empty settings.
pub(crate) const HTTP2_HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A frame that carries a whole `GET http://a.example/wait` (RFC 9113 §6.2, RFC 7541 §6).
pub(crate) fn http2_get_wait(stream: u32) -> Vec<u8> {
    http2_frame(HTTP2_HEADERS, 0x5, stream, b"\x82\x86\x04\x05/wait\x01\x09a.example")
}

pub(crate) const HTTP2_DATA: u8 = 0x0;
pub(crate) const HTTP2_HEADERS: u8 = 0x1;
pub(crate) const HTTP2_RESET: u8 = 0x3;
pub(crate) const HTTP2_SETTINGS: u8 = 0x4;
pub(crate) const HTTP2_PING: u8 = 0x6;
pub(crate) const HTTP2_GO_AWAY: u8 = 0x7;
pub(crate) const HTTP2_WINDOW_UPDATE: u8 = 0x8;

/// A frame that the server sent.
#[derive(Debug)]
pub(crate) struct Http2Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u8,
    pub(crate) payload: Vec<u8>,
}

/// Connects with HTTP/2 and prior knowledge.
pub(crate) async fn http2(address: SocketAddr) -> (SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let (client, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .expect("an HTTP/2 handshake");
    (client, tokio::spawn(connection))
}

pub(crate) fn post(address: SocketAddr, path: &str, body: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://{address}{path}"));
    request.body(Full::from(body)).expect("a request")
}

pub(crate) const GOOD_REQUEST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
pub(crate) const KEEP_ALIVE_REQUEST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// What a service has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    calls: Arc<AtomicUsize>,
    whole: Arc<AtomicUsize>,
}

impl Seen {
    /// How often the service was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many requests it received with their whole body.
    pub(crate) fn whole(&self) -> usize {
        self.whole.load(Ordering::SeqCst)
    }

    pub(crate) fn note_call(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }

    /// A service that echoes whole bodies, and answers 400 to broken ones.
    pub(crate) fn echo(
        &self,
    ) -> impl Service<Request<RequestBody>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static {
        let seen = self.clone();
        service_fn(move |request: Request<RequestBody>| {
            let seen = seen.clone();
            async move {
                seen.note_call();
                let mut response = Response::default();
                match request.into_body().collect().await {
                    Ok(body) => {
                        seen.whole.fetch_add(1, Ordering::SeqCst);
                        *response.body_mut() = Full::from(body.to_bytes());
                    }
                    Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
                }
                Ok(response)
            }
        })
    }
}

/// Keeps requests waiting until it is opened, and tells what becomes of them.
#[derive(Clone)]
pub(crate) struct Gate {
    open: Arc<Semaphore>,
    begun: mpsc::UnboundedSender<()>,
    dropped: mpsc::UnboundedSender<()>,
}

/// What has happened at a [`Gate`].
pub(crate) struct GateEvents {
    begun: mpsc::UnboundedReceiver<()>,
    dropped: mpsc::UnboundedReceiver<()>,
}

impl Gate {
    pub(crate) fn new() -> (Self, GateEvents) {
        let (begun, begun_events) = mpsc::unbounded_channel();
        let (dropped, dropped_events) = mpsc::unbounded_channel();
        let gate = Self { open: Arc::new(Semaphore::new(0)), begun, dropped };
        (gate, GateEvents { begun: begun_events, dropped: dropped_events })
    }

    /// Lets as many requests pass.
    pub(crate) fn open(&self, requests: usize) {
        self.open.add_permits(requests);
    }

    /// Waits at the gate. Whatever ends the wait or what comes after shows as "dropped".
    pub(crate) async fn pass(&self) -> DropEvent {
        let dropped = self.note();
        self.open.acquire().await.expect("the gate is never closed for good").forget();
        dropped
    }

    /// Notes that something began, and its end when the returned value is dropped.
    pub(crate) fn note(&self) -> DropEvent {
        let _ = self.begun.send(());
        DropEvent(self.dropped.clone())
    }

    /// A service that waits at the gate under `/wait`, and answers at once elsewhere.
    pub(crate) fn service(
        &self,
    ) -> impl Service<Request<RequestBody>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static {
        let gate = self.clone();
        service_fn(move |request: Request<RequestBody>| {
            let gate = gate.clone();
            async move {
                if request.uri().path() == "/wait" {
                    gate.pass().await;
                }
                Ok(Response::new(Full::from("done")))
            }
        })
    }
}

impl GateEvents {
    /// Resolves when one more request has reached the gate.
    pub(crate) async fn begun(&mut self) {
        in_time(self.begun.recv()).await.expect("the gate is there");
    }

    /// Resolves when one more request that reached the gate is gone.
    pub(crate) async fn dropped(&mut self) {
        in_time(self.dropped.recv()).await.expect("the gate is there");
    }

    /// How many more requests have reached the gate by now.
    pub(crate) fn begun_by_now(&mut self) -> usize {
        std::iter::from_fn(|| self.begun.try_recv().ok()).count()
    }

    /// How many more requests that reached the gate are gone by now.
    pub(crate) fn dropped_by_now(&mut self) -> usize {
        std::iter::from_fn(|| self.dropped.try_recv().ok()).count()
    }
}

/// Says so when it is dropped.
pub(crate) struct DropEvent(mpsc::UnboundedSender<()>);

impl Drop for DropEvent {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// A body that gives the same 64 KiB again and again, and never ends.
pub(crate) fn endless(event: DropEvent) -> impl Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let frames = futures_util::stream::repeat_with(move || {
        let _ = &event;
        Ok(Frame::data(Bytes::from_static(&[b'x'; 64 * 1024])))
    });
    StreamBody::new(frames)
}

/// A body that gives one piece, and then nothing more.
pub(crate) fn stuck(event: DropEvent) -> impl Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let first = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
    let rest = futures_util::stream::poll_fn(move |_cx| {
        let _ = &event;
        Poll::Pending
    });
    StreamBody::new(first.chain(rest))
}
