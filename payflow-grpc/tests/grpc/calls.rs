//! What holds for each call: its deadline, what a cancelled one leaves, and what is no call.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use payflow_core::Notifier;
use payflow_grpc::GrpcNotifier;
use payflow_http::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tower::ServiceExt;

use crate::harness::{Event, Gate, Running, ScriptedIntake, client, in_time, notification, payment, router};

#[tokio::test]
async fn a_cancelled_call_is_dropped_there_and_leaves_nothing_behind() {
    let (gate, mut events) = Gate::new();
    let routes =
        router().with_payments(Arc::new(gate.clone())).with_notifications(gate.clone(), gate.clone());
    // Each cancelled call gives its place back, or the last finds none.
    let config = ServerConfig::new().with_requests_max(2);
    let server = Running::start_on("127.0.0.1:0", config, routes.into_router()).await;
    let mut payments = server.payments().await;
    let notifier = GrpcNotifier::new(client([server.url()]));

    for _ in 0..5 {
        {
            let mut pay = std::pin::pin!(payments.pay(payment()));
            tokio::select! {
                _ = pay.as_mut() => panic!("the gate is closed"),
                event = events.next() => assert_eq!(event, Event::Begun),
            }
        }
        assert_eq!(events.next().await, Event::Dropped);
        {
            let notification = notification();
            let mut notify = notifier.notify(&notification);
            tokio::select! {
                _ = &mut notify => panic!("the gate is closed"),
                event = events.next() => assert_eq!(event, Event::Begun),
            }
        }
        assert_eq!(events.next().await, Event::Dropped);
    }

    gate.open(1);
    in_time(payments.pay(payment())).await.unwrap();
    assert_eq!((events.next().await, events.next().await), (Event::Begun, Event::Done));
    drop((payments, notifier));
    assert_eq!(server.stop().await.cut_off, 0);
}

#[tokio::test(start_paused = true)]
async fn a_clients_deadline_ends_the_work_whatever_the_client_does() {
    let (gate, mut events) = Gate::new();
    let routes = router().with_payments(Arc::new(gate)).into_router();

    // A client that says a deadline and does not keep it: the answer is the server's. Time is paused, so it is exact.
    let start = tokio::time::Instant::now();
    let answer = routes.clone().oneshot(call("50m")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(50));
    assert_eq!(answer.headers()["grpc-status"], "4");
    assert_eq!((events.next().await, events.next().await), (Event::Begun, Event::Dropped));

    let answer = routes.oneshot(call("soon")).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "3");
}

/// A payment of three fields, as it stands on the wire.
const MESSAGE: &[u8] = b"\0\0\0\0\x17\x0a\x04u001\x11\x1f\x85\xeb\x51\xb8\xfe\x48\x40\x1a\x06paypal";

/// Pays, and says how long it waits.
fn call(timeout: &str) -> http::Request<Body> {
    http::Request::post("/payment.PaymentService/Pay")
        .header("content-type", "application/grpc")
        .header("grpc-timeout", timeout)
        .version(http::Version::HTTP_2)
        .body(Body::from(MESSAGE))
        .unwrap()
}

#[tokio::test]
async fn what_is_no_call_is_answered_by_http() {
    let routes = router().into_router();
    for (method, content_type, status) in [
        ("POST", "application/json", 415),
        ("POST", "application/grpc-web", 415),
        ("GET", "application/grpc", 405),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri("/grpc.health.v1.Health/Check")
            .version(http::Version::HTTP_2)
            .header("content-type", content_type)
            .body(Body::empty())
            .unwrap();
        let answer = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{method} {content_type}");
        let allow = answer.headers().get("allow").map(|allow| allow.to_str().unwrap());
        assert_eq!(allow, (status == 405).then_some("POST"), "{method} {content_type}");
    }
}

#[tokio::test]
async fn a_call_over_an_older_http_is_refused_and_not_run() {
    let intake = ScriptedIntake::accepting();
    let routes = router().with_payments(Arc::<ScriptedIntake>::clone(&intake));
    let server = Running::start(routes.into_router()).await;
    for (version, expect) in [("1.1", "HTTP/1.1 505 "), ("1.0", "HTTP/1.0 505 ")] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /payment.PaymentService/Pay HTTP/{version}\r\nhost: a.example\r\nconnection: close\r\n\
             content-type: application/grpc\r\nte: trailers\r\ncontent-length: {}\r\n\r\n",
            MESSAGE.len()
        );
        stream.write_all(&[head.as_bytes(), MESSAGE].concat()).await.unwrap();
        let mut answer = String::new();
        in_time(stream.read_to_string(&mut answer)).await.unwrap();

        assert!(answer.starts_with(expect), "{answer}");
        assert!(answer.contains("needs HTTP/2"), "{answer}");
    }
    assert!(intake.asked().is_empty());

    in_time(server.payments().await.pay(payment())).await.unwrap();
    assert_eq!(intake.asked().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_lets_calls_end_and_takes_no_new_ones() {
    let (gate, mut events) = Gate::new();
    let routes = router().with_payments(Arc::new(gate.clone())).into_router();
    let mut server = Running::start(routes).await;
    let mut payments = server.payments().await;
    let mut again = payments.clone();
    let call = tokio::spawn(async move { payments.pay(payment()).await });
    assert_eq!(events.next().await, Event::Begun);

    server.begin_stop();
    // The listener is closed once a new connection is refused.
    in_time(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.open(2);
    in_time(call).await.unwrap().unwrap();
    let refused = in_time(again.pay(payment())).await.unwrap_err();

    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    drop(again);
    let report = server.stop().await;
    assert_eq!((report.drained, report.cut_off), (1, 0));
}

#[tokio::test]
async fn an_overloaded_server_is_transient_to_the_client() {
    let (gate, mut events) = Gate::new();
    let routes = router().with_notifications(gate.clone(), gate.clone()).into_router();
    let config = ServerConfig::new().with_requests_max(1);
    let server = Running::start_on("127.0.0.1:0", config, routes).await;
    let notifier = GrpcNotifier::new(client([server.url()]));
    let first = tokio::spawn({
        let notifier = notifier.clone();
        async move { notifier.notify(&notification()).await }
    });
    assert_eq!(events.next().await, Event::Begun);

    let refused = in_time(notifier.notify(&notification())).await.unwrap_err();

    let retry_after = Some(Duration::from_secs(1));
    assert_eq!(refused.fault(), payflow_core::Fault::Transient { retry_after });
    gate.open(1);
    let _sent = in_time(first).await.unwrap().unwrap();
    drop(notifier);
    server.stop().await;
}
