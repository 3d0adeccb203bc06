//! What stands beside the services: health, reflection, and other routes on the same port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use payflow_core::{Currency, MemoryNotifier, NotifyPayer};
use payflow_http::{PaymentRouter, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_reflection::pb::v1alpha::ServerReflectionRequest as OlderReflectionRequest;
use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient as OlderReflectionClient;
use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest as OlderMessageRequest;

use crate::harness::{Running, ScriptedIntake, in_time, payment, router};

#[tokio::test]
async fn health_follows_readiness_for_each_service_that_is_there() {
    let is_ready = Arc::new(AtomicBool::new(true));
    let routes = router().with_payments(ScriptedIntake::accepting()).with_readiness({
        let is_ready = Arc::clone(&is_ready);
        move || is_ready.load(Ordering::Relaxed)
    });
    let server = Running::start(routes.into_router()).await;
    let mut health = HealthClient::new(server.channel().await);
    let mut check = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.map(|answer| answer.into_inner().status).map_err(|status| status.code())
    };
    let (serving, not_serving) = (Ok(1), Ok(2));

    for service in ["", "payment.PaymentService"] {
        is_ready.store(true, Ordering::Relaxed);
        assert_eq!(check(service).await, serving, "{service}");
        is_ready.store(false, Ordering::Relaxed);
        assert_eq!(check(service).await, not_serving, "{service}");
    }
    assert_eq!(check("payment.NotificationService").await, Err(Code::NotFound));
    server.stop().await;
}

#[tokio::test]
async fn reflection_tells_the_services_and_the_contract() {
    let server = Running::start(router().into_router()).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let ask = |message| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        futures_util::stream::once(async { request })
    };
    let mut answer = async |message| {
        let mut answers = client.server_reflection_info(ask(message)).await.unwrap().into_inner();
        let ServerReflectionResponse { message_response, .. } =
            in_time(answers.next()).await.unwrap().unwrap();
        message_response.unwrap()
    };

    let MessageResponse::ListServicesResponse(list) =
        answer(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list");
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.iter().any(|name| name == "payment.NotificationService"), "{names:?}");
    let symbol = MessageRequest::FileContainingSymbol("payment.Acknowledgement".to_owned());
    let MessageResponse::FileDescriptorResponse(file) = answer(symbol).await else { panic!("no file") };
    assert!(file.file_descriptor_proto.iter().any(|file| file.windows(10).any(|name| name == b"retryLater")));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn reflection_reads_no_message_beyond_the_bound() {
    let server = Running::start(router().with_message_bytes_max(1_000).into_router()).await;
    let channel = server.channel().await;

    for (bytes, is_read) in [(900, true), (1_000, false)] {
        let name = "x".repeat(bytes);
        let request = ServerReflectionRequest {
            host: name.clone(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let newer = ServerReflectionClient::new(channel.clone())
            .server_reflection_info(futures_util::stream::iter([request]))
            .await;
        let request = OlderReflectionRequest {
            host: name,
            message_request: Some(OlderMessageRequest::ListServices(String::new())),
        };
        let older = OlderReflectionClient::new(channel.clone())
            .server_reflection_info(futures_util::stream::iter([request]))
            .await;

        // The service ends its answers without one where it cannot read.
        let newer = in_time(newer.unwrap().into_inner().next()).await;
        let older = in_time(older.unwrap().into_inner().next()).await;
        let answered =
            [newer.is_some_and(|answer| answer.is_ok()), older.is_some_and(|answer| answer.is_ok())];
        assert_eq!(answered, [is_read; 2], "{bytes} bytes");
    }
    drop(channel);
    server.stop().await;
}

#[tokio::test]
async fn services_and_methods_that_are_not_there_are_unimplemented() {
    let notifier = MemoryNotifier::new();
    let services = router().with_notifications(notifier.clone(), NotifyPayer::new(notifier, "log"));
    let server = Running::start(services.into_router()).await;

    let refused = server.payments().await.pay(payment()).await.unwrap_err();

    assert_eq!(refused.code(), Code::Unimplemented);
    server.stop().await;
}

#[tokio::test]
async fn one_port_serves_both_doors_and_they_lead_to_one_intake() {
    let intake = ScriptedIntake::accepting();
    let euro = Currency::parse("EUR").unwrap();
    let http = PaymentRouter::new(Arc::<ScriptedIntake>::clone(&intake)).with_default_currency(euro);
    let grpc = router().with_payments(Arc::<ScriptedIntake>::clone(&intake));
    let routes = http.into_router().merge(grpc.into_routes());
    let server = Running::start_on("127.0.0.1:0", ServerConfig::new(), routes).await;

    server.payments().await.pay(payment()).await.unwrap();
    let body = r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head =
        "POST /pay HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    in_time(stream.read_to_string(&mut answer)).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let asked = intake.asked();
    assert_eq!(asked[0], asked[1]);
    // A gRPC service that is not there is an HTTP path that is not.
    let absent = server.notifications().await.handle_notification(payment()).await.unwrap_err();
    assert_eq!(absent.code(), Code::Unimplemented);
    server.stop().await;
}
