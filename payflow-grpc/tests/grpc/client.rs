//! The clients while the other side is away, hangs, or goes in the middle of a call.

use std::time::Duration;

use payflow_core::{Fault, MemoryNotifier, Notification, Notifier, NotifyPayer, PaymentId, Sent, UserId};
use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcNotifier};
use payflow_http::ServerConfig;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tonic_prost::prost::Message;

use crate::harness::{Event, Gate, Running, client, in_time, notification, router};

/// A port that nothing listens on.
async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn gated(gate: &Gate) -> axum::Router {
    router().with_notifications(gate.clone(), gate.clone()).into_router()
}

#[tokio::test]
async fn a_refused_connection_is_transient_and_says_when_to_come_back() {
    let notifier = GrpcNotifier::new(client([closed_port().await]));
    for _ in 0..3 {
        let error = in_time(notifier.notify(&notification())).await.unwrap_err();
        let Fault::Transient { retry_after: Some(pause) } = error.fault() else { panic!("{error:?}") };
        assert!(pause <= Duration::from_secs(5), "{pause:?}");
        assert!(error.chain().contains("no endpoint is reached"), "{}", error.chain());
    }
}

#[tokio::test]
async fn a_connection_lost_with_the_call_on_it_is_unknown() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(gated(&gate)).await;
    let notifier = GrpcNotifier::new(client([server.url()]));
    let call = tokio::spawn(async move { notifier.notify(&notification()).await });
    assert_eq!(events.next().await, Event::Begun);

    server.kill().await;

    let error = in_time(call).await.unwrap().unwrap_err();
    assert_eq!(error.fault(), Fault::Unknown, "{}", error.chain());
    assert_eq!(events.next().await, Event::Dropped);
}

#[tokio::test]
async fn a_call_past_its_deadline_is_unknown_and_dropped_there() {
    let (gate, mut events) = Gate::new();
    let server = Running::start(gated(&gate)).await;
    let second = Duration::from_secs(1);
    let config = GrpcClientConfig::new([server.url()]).with_deadline(second).with_connect_timeout(second);
    let notifier = GrpcNotifier::new(GrpcClient::new(config).unwrap());

    let error = in_time(notifier.notify(&notification())).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Unknown, "{}", error.chain());
    assert_eq!((events.next().await, events.next().await), (Event::Begun, Event::Dropped));
    gate.open(1);
    assert_eq!(in_time(notifier.notify(&notification())).await.unwrap(), Sent::Delivered);
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_unknown_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let second = Duration::from_secs(1);
    let config = GrpcClientConfig::new([url]).with_deadline(second).with_connect_timeout(second);
    let notifier = GrpcNotifier::new(GrpcClient::new(config).unwrap());

    let error = in_time(notifier.notify(&notification())).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Unknown, "{}", error.chain());
}

#[tokio::test]
async fn a_connection_cut_after_the_request_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notifier = GrpcNotifier::new(client([format!("http://{}", listener.local_addr().unwrap())]));
    let call = tokio::spawn(async move { notifier.notify(&notification()).await });

    let (mut stream, _) = in_time(listener.accept()).await.unwrap();
    let mut seen = Vec::new();
    // The request's message is on the wire once its text is.
    while !seen.windows(4).any(|bytes| bytes == b"paid") {
        let mut bytes = [0; 4_096];
        let read = in_time(stream.read(&mut bytes)).await.unwrap();
        assert_ne!(read, 0, "hung up before the request");
        seen.extend_from_slice(&bytes[..read]);
    }
    drop((stream, listener));

    let error = in_time(call).await.unwrap().unwrap_err();
    assert_eq!(error.fault(), Fault::Unknown, "{}", error.chain());
}

#[tokio::test]
async fn calls_take_the_endpoints_in_turn_and_pass_one_that_is_away() {
    let ((left, mut at_left), (right, mut at_right)) = (Gate::new(), Gate::new());
    left.open(100);
    right.open(100);
    let (first, second) = (Running::start(gated(&left)).await, Running::start(gated(&right)).await);
    let notifier = GrpcNotifier::new(client([first.url(), closed_port().await, second.url()]));

    for _ in 0..6 {
        let _sent = in_time(notifier.notify(&notification())).await.unwrap();
    }

    for events in [&mut at_left, &mut at_right] {
        assert_eq!((events.next().await, events.next().await), (Event::Begun, Event::Done));
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_found() {
    let (gate, _events) = Gate::new();
    gate.open(100);
    let server = Running::start(gated(&gate)).await;
    let address = server.address.to_string();
    let pause = Duration::from_millis(200);
    let config = GrpcClientConfig::new([server.url()]).with_backoff_max(pause);
    let notifier = GrpcNotifier::new(GrpcClient::new(config).unwrap());
    let _sent = in_time(notifier.notify(&notification())).await.unwrap();

    server.kill().await;
    let error = in_time(notifier.notify(&notification())).await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Transient { .. } | Fault::Unknown), "{error:?}");
    let server = Running::start_on(&address, ServerConfig::new(), gated(&gate)).await;

    let sent = async {
        loop {
            if let Ok(sent) = notifier.notify(&notification()).await {
                break sent;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(in_time(sent).await, Sent::Delivered);
    server.stop().await;
}

/// A notification with a text of so many bytes.
fn long(text_bytes: usize) -> Notification {
    let (user_id, text) = (UserId::parse("u001").unwrap(), "x".repeat(text_bytes));
    Notification::new(PaymentId::random(), "paid", "log", user_id, text)
}

#[tokio::test]
async fn a_message_beyond_the_servers_bound_is_permanent_and_not_sent() {
    let sent = MemoryNotifier::new();
    let services = router().with_notifications(sent.clone(), NotifyPayer::new(sent.clone(), "log"));
    let server = Running::start(services.into_router()).await;
    let notifier = GrpcNotifier::new(client([server.url()]));

    let error = in_time(notifier.notify(&long(65 * 1024))).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Permanent, "{}", error.chain());
    assert!(error.chain().contains("`message_bytes_max`"), "{}", error.chain());
    drop(notifier);
    // Not even a connection was made.
    assert_eq!(server.stop().await.accepted, 0);
    assert!(sent.notifications().is_empty());
}

#[tokio::test]
async fn the_longest_message_that_a_client_sends_is_one_that_a_server_reads() {
    let sent = MemoryNotifier::new();
    let services = router().with_notifications(sent.clone(), NotifyPayer::new(sent.clone(), "log"));
    let server = Running::start(services.into_router()).await;
    let notifier = GrpcNotifier::new(client([server.url()]));
    let bytes = |text_bytes| payflow_proto::Notification::from(&long(text_bytes)).encoded_len();
    let beside_the_text = bytes(65_000) - 65_000;
    let longest = GrpcClientConfig::MESSAGE_BYTES_MAX - beside_the_text;

    let _sent = in_time(notifier.notify(&long(longest))).await.unwrap();
    let error = in_time(notifier.notify(&long(longest + 1))).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Permanent, "{}", error.chain());
    assert_eq!(sent.notifications().len(), 1);
    drop(notifier);
    server.stop().await;
}

#[tokio::test]
async fn a_bound_that_is_raised_on_both_sides_lets_longer_messages_through() {
    const RAISED: usize = 128 * 1024;
    let sent = MemoryNotifier::new();
    let services = router()
        .with_notifications(sent.clone(), NotifyPayer::new(sent.clone(), "log"))
        .with_message_bytes_max(RAISED);
    let server = Running::start(services.into_router()).await;
    let config = GrpcClientConfig::new([server.url()]).with_message_bytes_max(RAISED);
    let notifier = GrpcNotifier::new(GrpcClient::new(config).unwrap());

    let _sent = in_time(notifier.notify(&long(65 * 1024))).await.unwrap();

    assert_eq!(sent.notifications().len(), 1);
    drop(notifier);
    server.stop().await;
}

#[tokio::test]
async fn an_address_given_twice_is_a_connection_each() {
    let (gate, mut events) = Gate::new();
    let config = ServerConfig::new().with_http2_streams_max(1);
    let server = Running::start_on("127.0.0.1:0", config, gated(&gate)).await;
    let notifier = GrpcNotifier::new(client([server.url(), server.url()]));

    let calls = [(); 2].map(|()| {
        let notifier = notifier.clone();
        tokio::spawn(async move { notifier.notify(&notification()).await })
    });

    // Neither waits for the other, although each connection has room for one.
    assert_eq!((events.next().await, events.next().await), (Event::Begun, Event::Begun));
    gate.open(2);
    for call in calls {
        assert_eq!(in_time(call).await.unwrap().unwrap(), Sent::Delivered);
    }
    drop(notifier);
    assert_eq!(server.stop().await.accepted, 2);
}

#[tokio::test]
async fn what_a_pipeline_is_told_of_the_lease_is_the_other_sides() {
    let config = GrpcClientConfig::new(["http://127.0.0.1:1"]);
    let lease = Some(Duration::from_secs(60));
    assert_eq!(GrpcNotifier::new(GrpcClient::new(config.clone()).unwrap()).claim_lease(), lease);
    let none = GrpcClient::new(config.with_claim_lease(None)).unwrap();
    assert_eq!(GrpcNotifier::new(none).claim_lease(), None);
}
