//! What a client makes of answers that are malformed or too long: the call was executed, so that they are unknown.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::post;
use futures_util::stream;
use http::{HeaderMap, HeaderValue};
use payflow_core::{Fault, Notifier};
use payflow_grpc::GrpcNotifier;
use payflow_proto::Acknowledgement;
use payflow_proto::acknowledgement::{Outcome, Rejected};
use tonic::Status;
use tonic::codec::{EncodeBody, SingleMessageCompressionOverride};
use tonic::metadata::MetadataMap;
use tonic_prost::ProstEncoder;

use crate::harness::{Running, client, in_time, notification};

/// Details that are no base64, which tonic's client takes for a bug of its own and panics.
fn garbled() -> Status {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status-details-bin", HeaderValue::from_static("%%%"));
    let mut status = Status::unavailable("busy");
    *status.metadata_mut() = MetadataMap::from_headers(headers);
    status
}

fn rejected(reason: String) -> Acknowledgement {
    Acknowledgement { outcome: Some(Outcome::Rejected(Rejected { reason })) }
}

/// An answer with its status in the trailers.
fn answer(said: Vec<Result<Acknowledgement, Status>>) -> Response {
    let (encoder, plain) = (ProstEncoder::default(), SingleMessageCompressionOverride::default());
    let body = EncodeBody::new_server(encoder, stream::iter(said), None, plain, None);
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// A notification service that answers each call so.
async fn service(answer: fn() -> Response) -> Running {
    let route = post(move || async move { answer() });
    Running::start(Router::new().route("/payment.NotificationService/Notify", route)).await
}

#[tokio::test]
async fn a_status_that_cannot_be_read_is_unknown_and_its_connection_is_left() {
    let answers: [fn() -> Response; 3] = [
        // In the head, in the trailers alone, and in the trailers of an acknowledgement.
        || garbled().into_http(),
        || answer(vec![Err(garbled())]),
        || answer(vec![Ok(rejected("no such address".into())), Err(garbled())]),
    ];
    for answer in answers {
        let server = service(answer).await;
        let notifier = GrpcNotifier::new(client([server.url()]));

        for _ in 0..2 {
            let error = in_time(notifier.notify(&notification())).await.unwrap_err();
            assert_eq!(error.fault(), Fault::Unknown, "{}", error.chain());
            assert!(error.chain().contains("the answer could not be read"), "{}", error.chain());
        }

        drop(notifier);
        assert_eq!(server.stop().await.accepted, 2);
    }
}

#[tokio::test]
async fn an_answer_beyond_the_clients_limit_is_unknown() {
    let server = service(|| answer(vec![Ok(rejected("x".repeat(65 * 1024)))])).await;
    let notifier = GrpcNotifier::new(client([server.url()]));

    let error = in_time(notifier.notify(&notification())).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Unknown, "{}", error.chain());
    drop(notifier);
    server.stop().await;
}
