//! `Notify` and `HandleNotification`, as their clients here see them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{
    AckToken, Content, Currency, Delivery, Error, Fault, Fingerprint, Handler, HeaderName, Headers,
    MemoryInbox, MemoryNotifier, Message, Money, Notifier, NotifyPayer, Once, PaymentId, PaymentMethod,
    PaymentRequest, Sent, Topic, UserId,
};
use payflow_grpc::{GrpcHandler, GrpcNotifier};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Running, ScriptedNotifier, client, notification, payment, router};

const PRINT: &str = "0123456789abcdef0123456789abcdef";

fn message(id: Option<PaymentId>, offset: i64) -> Message<PaymentRequest> {
    let amount = Money::new(4_999, Currency::parse("EUR").unwrap());
    let body =
        PaymentRequest::new(UserId::parse("u001").unwrap(), amount, PaymentMethod::parse("paypal").unwrap());
    let mut headers = Headers::new();
    headers.append(HeaderName::FINGERPRINT, PRINT);
    let delivery = Delivery {
        token: AckToken::new(0, 0, offset),
        topic: Topic::parse("payment-topic").unwrap(),
        partition: 0,
        offset,
        timestamp_ms: Some(1),
        content: Content::new(None, Some(b"x"), &headers),
    };
    Message::new(body.unwrap().with_identity(id, None), delivery, 1)
}

/// Says each outcome of a notifier to a client over the wire.
async fn said(script: fn() -> Result<Sent, Error>) -> Result<Sent, Error> {
    let services = router()
        .with_notifications(ScriptedNotifier(script), NotifyPayer::new(ScriptedNotifier(script), "log"));
    let server = Running::start(services.into_router()).await;
    let client = client([server.url()]);
    let said = GrpcNotifier::new(client.clone()).notify(&notification()).await;
    let handled = GrpcHandler::new(client).handle(message(None, 0)).await;
    // Both say the same of a failure; a handler has no word for how far it got.
    assert_eq!(
        said.as_ref().map_err(|error| (error.fault(), error.counts_attempt())).err(),
        handled.as_ref().map_err(|error| (error.fault(), error.counts_attempt())).err()
    );
    server.stop().await;
    said
}

#[tokio::test]
async fn every_outcome_comes_over_the_wire_as_what_it_is() {
    let second = Duration::from_secs(1);
    assert_eq!(said(|| Ok(Sent::Accepted)).await.unwrap(), Sent::Accepted);
    assert_eq!(said(|| Ok(Sent::Delivered)).await.unwrap(), Sent::Delivered);
    let fault = async |script| said(script).await.unwrap_err().fault();
    assert_eq!(fault(|| Err(Error::transient("send"))).await, Fault::Transient { retry_after: None });
    assert_eq!(
        fault(|| Err(Error::new(Fault::Transient { retry_after: Some(Duration::from_secs(1)) }, "send")))
            .await,
        Fault::Transient { retry_after: Some(second) }
    );
    assert_eq!(fault(|| Err(Error::permanent("send"))).await, Fault::Permanent);
    assert_eq!(fault(|| Err(Error::fatal("send"))).await, Fault::Permanent);
    assert_eq!(fault(|| Err(Error::unknown("send"))).await, Fault::Unknown);
    assert_eq!(fault(|| panic!("on purpose")).await, Fault::Unknown);

    let held = said(|| Err(Error::held("claim", Duration::from_secs(1)))).await.unwrap_err();
    assert!(!held.counts_attempt());
    let rejected = said(|| Err(Error::permanent("send").because("no such address"))).await.unwrap_err();
    assert!(rejected.chain().contains("no such address"), "{}", rejected.chain());
}

#[tokio::test]
async fn a_handler_there_sees_the_payment_under_its_identity() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        move |message: Message<PaymentRequest>| {
            seen.lock().unwrap().push((message.payment_id(), message.fingerprint(), message.into_body()));
            std::future::ready(Ok(()))
        }
    };
    let services = router().with_notifications(MemoryNotifier::new(), handler);
    let server = Running::start(services.into_router()).await;
    let client = GrpcHandler::new(client([server.url()]));
    let id = PaymentId::random();

    client.handle(message(Some(id), 0)).await.unwrap();
    client.handle(message(None, 1)).await.unwrap();
    client.handle(message(None, 1)).await.unwrap();
    client.handle(message(None, 2)).await.unwrap();

    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let print = Some(Fingerprint::parse(PRINT).unwrap());
    assert_eq!((seen[0].0, seen[0].1), (id, print));
    assert_eq!((seen[0].2.user_id().as_str(), seen[0].2.amount().minor()), ("u001", 4_999));
    // A foreign record's id follows from where it stands here, and goes along.
    assert_eq!(seen[1].0, seen[2].0);
    assert_ne!(seen[2].0, seen[3].0);
    server.stop().await;
}

#[tokio::test]
async fn a_repeat_of_either_call_is_sent_once() {
    let notifier = MemoryNotifier::new();
    let once = Arc::new(Once::new(notifier.clone(), MemoryInbox::new()));
    let services = router().with_notifications(Arc::clone(&once), NotifyPayer::new(Arc::clone(&once), "log"));
    let server = Running::start(services.into_router()).await;
    let client = client([server.url()]);
    let (sender, handler) = (GrpcNotifier::new(client.clone()), GrpcHandler::new(client));

    let notification = notification();
    for _ in 0..3 {
        let _sent = sender.notify(&notification).await.unwrap();
        handler.handle(message(None, 7)).await.unwrap();
    }

    assert_eq!(notifier.notifications().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn three_fields_without_an_identity_are_a_payment_of_their_own() {
    let notifier = MemoryNotifier::new();
    let handler = NotifyPayer::new(Once::new(notifier.clone(), MemoryInbox::new()), "log");
    let server = Running::start(router().with_notifications(notifier.clone(), handler).into_router()).await;
    let mut foreign = server.notifications().await;

    for _ in 0..2 {
        let answer = foreign.handle_notification(payment()).await.unwrap().into_inner();
        assert!(matches!(answer.outcome, Some(payflow_proto::acknowledgement::Outcome::Accepted(_))));
    }

    let sent = notifier.notifications();
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0].payment_id(), sent[1].payment_id());
    server.stop().await;
}

#[tokio::test]
async fn bad_fields_are_named_and_nothing_is_sent() {
    let notifier = MemoryNotifier::new();
    let services = router().with_notifications(notifier.clone(), NotifyPayer::new(notifier.clone(), "log"));
    let server = Running::start(services.into_router()).await;
    let mut foreign = server.notifications().await;

    let mut refused = payflow_proto::Notification::from(&notification());
    refused.notification_id.clear();
    let status = foreign.notify(refused).await.unwrap_err();
    let field =
        |status: &tonic::Status| status.get_details_bad_request().unwrap().field_violations[0].field.clone();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "notificationId"));

    let mut refused = payment();
    refused.method.clear();
    let status = foreign.handle_notification(refused).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "method"));

    let mut request = tonic::Request::new(payment());
    request.metadata_mut().insert("payflow-fingerprint", "42".parse().unwrap());
    let status = foreign.handle_notification(request).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "payflow-fingerprint"));
    assert!(notifier.notifications().is_empty());
    server.stop().await;
}
