//! A client of the front door: one connection, one request after the other.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use payflow_core::PaymentId;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Pays over HTTP, as any other program would.
pub(crate) struct PayClient {
    requests: SendRequest<Full<Bytes>>,
    host: String,
}

impl PayClient {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let connect = timeout(ANSWER_WITHIN, TcpStream::connect(address));
        let stream = connect.await?.with_context(|| format!("connect to {address}"))?;
        // A request is one small write; waiting to fill a packet would only delay it.
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // Moves the bytes. It ends with `requests`, which is also told what goes wrong.
        tokio::spawn(connection);
        Ok(Self { requests, host: address.to_string() })
    }

    /// Sends one payment, and resolves with its id when it is accepted.
    pub(crate) async fn pay(&mut self, payment: impl Into<Bytes>) -> Result<PaymentId> {
        timeout(ANSWER_WITHIN, self.exchange(payment.into())).await.context("POST /pay was not answered")?
    }

    async fn exchange(&mut self, payment: Bytes) -> Result<PaymentId> {
        let request = Request::post("/pay")
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(payment))?;
        self.requests.ready().await?;
        let response = self.requests.send_request(request).await.context("POST /pay")?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(
            status == StatusCode::ACCEPTED,
            "POST /pay was answered {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        payment_id(&answer).with_context(|| format!("no payment id in {}", String::from_utf8_lossy(&answer)))
    }
}

/// Above the server's own deadline for a request, which answers before.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

fn payment_id(answer: &[u8]) -> Option<PaymentId> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    PaymentId::parse(answer.get("paymentId")?.as_str()?).ok()
}
