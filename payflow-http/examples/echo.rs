//! Answers each request with its own body, over HTTP/2 alone: what `cargo xtask h2spec` measures the server by.
//!
//! ```text
//! cargo run -p payflow-http --example echo
//! ```
//!
//! The first line that it prints is its address. It ends when its input does.

use std::convert::Infallible;
use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use payflow_http::{RequestBody, Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::service_fn;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.send(());
    });
    let server = Server::new(ServerConfig::new().with_http2_only())?;
    let stopped = async {
        let _ = stopped.await;
    };
    server.run(listener, service_fn(echo), stopped).await?;
    Ok(())
}

/// The body, if all of it came, behind a word, after a moment: so a service answers that does some work.
async fn echo(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await;
    tokio::time::sleep(MOMENT).await;
    let (status, body) = body.map_or((StatusCode::BAD_REQUEST, Bytes::new()), |body| {
        (StatusCode::OK, [b"echo ", &body.to_bytes()[..]].concat().into())
    });
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// Long enough for a client to send what belongs together.
const MOMENT: Duration = Duration::from_millis(50);
