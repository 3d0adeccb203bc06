//! `Pay`: what the intake is asked, and what the client is told.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use payflow_core::{Error, Fault, Field, IntakeError, InvalidPayment, Principal};
use payflow_proto::{PaymentAccepted, PaymentRequest};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::harness::{Running, ScriptedIntake, in_time, payment, payment_id, router};

async fn pay(
    intake: &Arc<ScriptedIntake>,
    request: Request<PaymentRequest>,
) -> Result<PaymentAccepted, Status> {
    let server =
        Running::start(router().with_payments(Arc::<ScriptedIntake>::clone(intake)).into_router()).await;
    let answer = in_time(server.payments().await.pay(request)).await;
    server.stop().await;
    answer.map(tonic::Response::into_inner)
}

/// What an intake that fails so is answered with.
async fn told(script: fn() -> IntakeError) -> Status {
    let intake = ScriptedIntake::answering(move || Err(script()));
    pay(&intake, Request::new(payment())).await.unwrap_err()
}

fn failed(fault: Fault) -> IntakeError {
    IntakeError::Failed { payment_id: payment_id(), error: Error::new(fault, "send payment") }
}

#[tokio::test]
async fn three_fields_are_a_payment_and_its_id_is_answered() {
    let intake = ScriptedIntake::accepting();

    let accepted = pay(&intake, Request::new(payment())).await.unwrap();

    assert_eq!(accepted.payment_id, payment_id().to_string());
    let asked = intake.asked();
    let (principal, request, key) = &asked[0];
    assert_eq!((principal, request.amount().minor(), key), (&Principal::anonymous(), 4_999, &None));
}

#[tokio::test]
async fn every_outcome_has_its_code_and_details() {
    let second = Duration::from_secs(1);

    let invalid = told(|| InvalidPayment::new(Field::Method, "is not served").into()).await;
    assert_eq!(invalid.code(), Code::InvalidArgument);
    assert_eq!(invalid.get_details_bad_request().unwrap().field_violations[0].field, "method");

    let reused = told(|| IntakeError::KeyReused).await;
    assert_eq!(reused.code(), Code::FailedPrecondition);
    assert_eq!(reused.get_details_error_info().unwrap().reason, "IDEMPOTENCY_KEY_REUSED");

    let away = told(|| failed(Fault::Transient { retry_after: Some(Duration::from_secs(7)) })).await;
    assert_eq!(away.code(), Code::Unavailable);
    assert_eq!(away.get_details_retry_info().unwrap().retry_delay, Some(7 * second));
    for fault in [Fault::Transient { retry_after: None }, Fault::Fatal] {
        let script: fn() -> IntakeError = match fault {
            Fault::Fatal => || failed(Fault::Fatal),
            _ => || failed(Fault::Transient { retry_after: None }),
        };
        let away = told(script).await;
        assert_eq!(
            (away.code(), away.get_details_retry_info().unwrap().retry_delay),
            (Code::Unavailable, Some(second))
        );
    }

    let unknown = told(|| failed(Fault::Unknown)).await;
    assert_eq!(unknown.code(), Code::DeadlineExceeded);
    let info = unknown.get_details_error_info().unwrap();
    assert_eq!(info.metadata["paymentId"], payment_id().to_string());

    let never = told(|| failed(Fault::Permanent)).await;
    assert_eq!(never.code(), Code::Internal);
}

#[tokio::test]
async fn an_intake_that_panics_leaves_the_outcome_unknown() {
    let panicked = told(|| panic!("on purpose")).await;

    assert_eq!(panicked.code(), Code::DeadlineExceeded);
    assert_eq!(panicked.get_details_error_info().unwrap().reason, "OUTCOME_UNKNOWN");
}

#[tokio::test]
async fn bad_fields_are_named_and_the_intake_is_not_asked() {
    type Change = fn(&mut PaymentRequest);
    let changes: [(Change, &str); 8] = [
        (|p| p.user_id.clear(), "userId"),
        (|p| p.amount = 0.0, "amount"),
        (|p| p.amount = f64::NAN, "amount"),
        (|p| p.amount_minor = 5_000, "amount"),
        (|p| p.method = "?".into(), "method"),
        (|p| p.currency = "XXX".into(), "currency"),
        (|p| p.payment_id = payment_id().to_string(), "paymentId"),
        (|p| p.created_at = Some(prost_types::Timestamp::default()), "createdAt"),
    ];
    let intake = ScriptedIntake::accepting();
    for (change, field) in changes {
        let mut request = payment();
        change(&mut request);
        let refused = pay(&intake, Request::new(request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        let violations = refused.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
    assert_eq!(intake.asked(), []);
}

#[tokio::test]
async fn the_idempotency_key_has_the_rules_of_the_header() {
    let intake = ScriptedIntake::accepting();
    for (value, key) in [("k1", "k1"), ("\"k1\"", "k1"), ("\"a\\\"b\"", "a\"b")] {
        let mut request = Request::new(payment());
        request.metadata_mut().insert("idempotency-key", value.parse().unwrap());
        pay(&intake, request).await.unwrap();
        assert_eq!(intake.asked().pop().unwrap().2.as_deref(), Some(key), "{value}");
    }

    let count = intake.asked().len();
    for values in [&["k1", "k1"][..], &["a b"], &[""], &["\"a"]] {
        let mut request = Request::new(payment());
        for value in values {
            request.metadata_mut().append("idempotency-key", value.parse().unwrap());
        }
        let refused = pay(&intake, request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{values:?}");
        let violations = refused.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "idempotency-key");
    }
    assert_eq!(intake.asked().len(), count);
}

#[tokio::test]
async fn the_principal_is_the_one_that_a_layer_found() {
    let intake = ScriptedIntake::accepting();
    let routes = router().with_payments(Arc::<ScriptedIntake>::clone(&intake)).into_router();
    let server = Running::start(routes.layer(Extension(Principal::named("alice")))).await;

    server.payments().await.pay(payment()).await.unwrap();

    assert_eq!(intake.asked()[0].0, Principal::named("alice"));
    server.stop().await;
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_unread() {
    let intake = ScriptedIntake::accepting();
    let mut long = payment();
    long.user_id = "x".repeat(64 * 1024);

    let refused = pay(&intake, Request::new(long)).await.unwrap_err();

    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(intake.asked(), []);
}
