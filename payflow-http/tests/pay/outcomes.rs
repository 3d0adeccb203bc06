//! Each way in which an intake fails, and what the client is told.

use std::time::Duration;

use axum::http::StatusCode;
use payflow_core::{Error, Fault, Field, IntakeError, InvalidPayment};

use crate::scripted::{Answer, GOOD, PAYMENT_ID, ScriptedIntake, ask, payment_id, post};

async fn answer_to(error: impl Fn() -> IntakeError + Send + Sync + 'static) -> Answer {
    let intake = ScriptedIntake::answering(move || Err(error()));
    let answer = ask(&intake.service(), post(GOOD)).await;
    assert_eq!(intake.calls().len(), 1, "{answer:?}");
    answer
}

async fn answer_to_fault(fault: Fault) -> Answer {
    answer_to(move || IntakeError::Failed {
        payment_id: payment_id(),
        error: Error::new(fault, "send payment").because("broker-7 at 10.0.0.7 is away"),
    })
    .await
}

#[tokio::test]
async fn surely_not_taken_is_503_with_retry_after() {
    let after = |millis| Fault::Transient { retry_after: Some(Duration::from_millis(millis)) };
    for (fault, retry_after) in [
        (Fault::Transient { retry_after: None }, "1"),
        (after(0), "1"),
        (after(1_500), "2"),
        (after(30_000), "30"),
        (Fault::Fatal, "1"),
    ] {
        let answer = answer_to_fault(fault).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}: {answer:?}");
        assert_eq!(answer.header("retry-after"), Some(retry_after), "{fault:?}");
        let problem = answer.problem();
        assert_eq!(problem["type"], "urn:payflow:problem:unavailable");
        assert_eq!(problem.get("paymentId"), None);
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_504_with_the_payment_id() {
    let answer = answer_to_fault(Fault::Unknown).await;

    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
    assert_eq!(answer.header("retry-after"), None);
    let problem = answer.problem();
    assert_eq!(problem["type"], "urn:payflow:problem:outcome-unknown");
    assert_eq!(problem["paymentId"], PAYMENT_ID);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("may have been taken"), "{detail}");
    assert!(detail.contains("same Idempotency-Key"), "{detail}");
}

#[tokio::test]
async fn a_panic_of_the_intake_is_an_unknown_outcome() {
    let intake = ScriptedIntake::answering(|| panic!("on purpose"));
    let answer = ask(&intake.service(), post(GOOD)).await;

    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
    assert_eq!(answer.problem()["type"], "urn:payflow:problem:outcome-unknown");
}

#[tokio::test]
async fn what_will_never_succeed_is_500() {
    let answer = answer_to_fault(Fault::Permanent).await;

    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
    assert_eq!(answer.header("retry-after"), None);
    answer.problem();
}

#[tokio::test]
async fn a_reused_key_is_422() {
    let answer = answer_to(|| IntakeError::KeyReused).await;

    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    assert_eq!(answer.problem()["type"], "urn:payflow:problem:idempotency-key-reused");
}

#[tokio::test]
async fn a_field_that_the_intake_refuses_is_422_and_named() {
    let answer = answer_to(|| InvalidPayment::new(Field::Method, "is not one of this shop's").into()).await;

    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    let problem = answer.problem();
    assert_eq!(problem["field"], "method");
    assert_eq!(problem["detail"], "method is not one of this shop's");
}

#[tokio::test]
async fn the_inner_cause_stays_inside() {
    for fault in [Fault::Transient { retry_after: None }, Fault::Unknown, Fault::Permanent, Fault::Fatal] {
        let answer = answer_to_fault(fault).await;
        assert!(!answer.text.contains("broker-7"), "{answer:?}");
    }
}
