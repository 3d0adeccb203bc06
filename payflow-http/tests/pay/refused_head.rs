//! What is refused whatever the body says: types, lengths, keys, methods, paths.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use crate::scripted::{GOOD, ScriptedIntake, ask, post, refusal, with_header};

const LIMIT: usize = 64 * 1024;

#[tokio::test]
async fn another_content_type_is_415() {
    for content_type in [
        "text/plain",
        "text/json",
        "application/problem+json",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
        "application/json; charset=iso-8859-1",
        "application/json, application/json",
        "\u{e9}",
        "",
    ] {
        let request = Request::post("/pay").body(Body::from(GOOD)).unwrap();
        let answer = refusal(with_header(request, "content-type", content_type.as_bytes())).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}: {answer:?}");
        answer.problem();
    }
    let none = refusal(Request::post("/pay").body(Body::from(GOOD)).unwrap()).await;
    assert_eq!(none.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    none.problem();
    let twice = refusal(with_header(post(GOOD), "content-type", b"application/json")).await;
    assert_eq!(twice.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let coded = refusal(with_header(post(GOOD), "content-encoding", b"gzip")).await;
    assert_eq!(coded.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(coded.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn a_body_declared_too_long_is_413_and_not_read() {
    let unread = Body::from_stream(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Vec<u8>, Infallible>>> { panic!("the body was read") },
    ));
    let request = with_header(post(unread), "content-length", (LIMIT + 1).to_string().as_bytes());

    let answer = refusal(request).await;

    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{answer:?}");
    answer.problem();
    let known_length = refusal(post(vec![b' '; LIMIT + 1])).await;
    assert_eq!(known_length.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_endless_body_is_413_as_soon_as_it_passes_the_limit() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let endless = futures_util::stream::repeat_with(move || {
        counter.fetch_add(1_000, Ordering::Relaxed);
        Ok::<_, Infallible>(vec![b' '; 1_000])
    });

    let answer = refusal(post(Body::from_stream(endless))).await;

    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{answer:?}");
    answer.problem();
    assert_eq!(read.load(Ordering::Relaxed), 66_000);
}

#[tokio::test]
async fn the_limit_can_be_set() {
    let intake = ScriptedIntake::accepting();
    let router = intake.payments().with_body_bytes_max(GOOD.len() - 1).into_router();
    assert_eq!(ask(&router, post(GOOD)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(intake.calls(), []);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let pieces = [Ok(GOOD.as_bytes().to_vec()), Err(std::io::Error::other("reset"))];

    let answer = refusal(post(Body::from_stream(futures_util::stream::iter(pieces)))).await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    answer.problem();
}

#[tokio::test]
async fn a_smaller_limit_of_a_layer_in_front_is_413() {
    let limited = http_body_util::Limited::new(Body::from(GOOD), 10);

    let answer = refusal(post(Body::new(limited))).await;

    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{answer:?}");
}

#[tokio::test]
async fn bad_forms_of_the_idempotency_key_are_400() {
    let too_long = "x".repeat(256);
    let rows: &[&[u8]] =
        &[b"", b"\"\"", b"\"open", b"a b", b"\"a\\n\"", b"caf\xc3\xa9", b"\xff", too_long.as_bytes()];
    for value in rows {
        let answer = refusal(with_header(post(GOOD), "idempotency-key", value)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{value:?}: {answer:?}");
        assert_eq!(answer.problem()["type"], "urn:payflow:problem:invalid-idempotency-key");
    }
    let once = with_header(post(GOOD), "idempotency-key", b"k1");
    let twice = refusal(with_header(once, "idempotency-key", b"k1")).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST, "{twice:?}");
    assert_eq!(twice.problem()["type"], "urn:payflow:problem:invalid-idempotency-key");
}

#[tokio::test]
async fn another_method_is_405_with_allow() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        let mut request = post(GOOD);
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = refusal(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}: {answer:?}");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        if method != "HEAD" {
            answer.problem();
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    for path in ["/", "/pay/", "/Pay", "/pay/x", "//pay", "/%70ay%2f"] {
        let mut request = post(GOOD);
        *request.uri_mut() = path.parse().unwrap();
        let answer = refusal(request).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}");
        answer.problem();
    }
}
