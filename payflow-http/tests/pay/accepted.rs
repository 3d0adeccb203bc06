//! What is taken, and how it reaches the intake.

use axum::http::StatusCode;
use payflow_core::{Money, PaymentMethod, PaymentRequest, Principal, UserId};

use crate::scripted::{Call, GOOD, PAYMENT_ID, ScriptedIntake, ask, currency, post, with_header};

fn request(minor: i64, code: &str) -> PaymentRequest {
    PaymentRequest::new(
        UserId::parse("u001").unwrap(),
        Money::new(minor, currency(code)),
        PaymentMethod::parse("paypal").unwrap(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_durable_payment_is_answered_202_with_its_id() {
    let intake = ScriptedIntake::accepting();

    let answer = ask(&intake.service(), post(GOOD)).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text, format!(r#"{{"paymentId":"{PAYMENT_ID}","status":"accepted"}}"#));
    let call = Call { principal: Principal::anonymous(), request: request(4_999, "EUR"), key: None };
    assert_eq!(intake.calls(), [call]);
}

#[tokio::test]
async fn every_spelling_of_a_payment_reaches_the_intake_as_the_same() {
    let cases = [
        (r#"{"user_id":"u001","amount":10,"method":"paypal"}"#, request(1_000, "EUR")),
        (r#"{"userId":"u001","amount":10.000,"method":"paypal"}"#, request(1_000, "EUR")),
        (r#"{"userId":"u001","amount":1e1,"method":"paypal"}"#, request(1_000, "EUR")),
        (r#" {"method":"paypal","currency":"EUR","amount":10,"userId":"\u0075001"} "#, request(1_000, "EUR")),
        (r#"{"userId":"u001","amount":15,"method":"paypal","currency":"JPY"}"#, request(15, "JPY")),
        (
            r#"{"userId":"u001","amount":10000000000000,"method":"paypal"}"#,
            request(PaymentRequest::MINOR_MAX, "EUR"),
        ),
    ];
    for (body, expected) in cases {
        let intake = ScriptedIntake::accepting();
        let answer = ask(&intake.service(), post(body)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{body}: {answer:?}");
        assert_eq!(intake.calls()[0].request, expected, "{body}");
    }
}

#[tokio::test]
async fn case_and_parameters_of_the_content_type_do_not_matter() {
    for content_type in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"; v=1",
    ] {
        let mut request = post(GOOD);
        request.headers_mut().remove("content-type");
        let request = with_header(request, "content-type", content_type.as_bytes());
        let answer = ask(&ScriptedIntake::accepting().service(), request).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{content_type}: {answer:?}");
    }
}

#[tokio::test]
async fn an_idempotency_key_is_the_same_bare_and_quoted() {
    let longest = "x".repeat(255);
    for (value, key) in
        [("k-1", "k-1"), ("\"k-1\"", "k-1"), (r#""a\"b\\c""#, r#"a"b\c"#), (&longest, &longest)]
    {
        let intake = ScriptedIntake::accepting();
        let request = with_header(post(GOOD), "idempotency-key", value.as_bytes());
        let answer = ask(&intake.service(), request).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{value}: {answer:?}");
        assert_eq!(intake.calls()[0].key.as_deref(), Some(key), "{value}");
    }
}

#[tokio::test]
async fn the_principal_is_the_one_an_authentication_layer_found() {
    let intake = ScriptedIntake::accepting();
    let mut request = post(GOOD);
    request.extensions_mut().insert(Principal::named("shop-7"));

    ask(&intake.service(), request).await;

    assert_eq!(intake.calls()[0].principal, Principal::named("shop-7"));
}

#[tokio::test]
async fn a_body_in_pieces_is_read_whole() {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = GOOD.bytes().map(|byte| Ok(vec![byte])).collect();
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let intake = ScriptedIntake::accepting();

    let answer = ask(&intake.service(), post(body)).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(intake.calls()[0].request, request(4_999, "EUR"));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let padded = format!("{GOOD}{}", " ".repeat(64 * 1024 - GOOD.len()));

    let answer = ask(&ScriptedIntake::accepting().service(), post(padded)).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
}
