//! What an orchestrator asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use crate::scripted::{ScriptedIntake, ask};

fn request(method: &Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn readiness_follows_what_the_service_says_and_liveness_does_not() {
    let ready = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&ready);
    let router = ScriptedIntake::accepting()
        .payments()
        .with_readiness(move || asked.load(Ordering::Relaxed))
        .into_router();

    let answer = ask(&router, request(&Method::GET, "/readyz")).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "ready"));

    ready.store(false, Ordering::Relaxed);
    let answer = ask(&router, request(&Method::GET, "/readyz")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.problem();
    let answer = ask(&router, request(&Method::GET, "/livez")).await;
    assert_eq!(answer.status, StatusCode::OK);

    ready.store(true, Ordering::Relaxed);
    let answer = ask(&router, request(&Method::HEAD, "/readyz")).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_readiness_it_is_always_ready() {
    let router = ScriptedIntake::accepting().service();
    for path in ["/livez", "/readyz"] {
        let answer = ask(&router, request(&Method::GET, path)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn another_method_is_405_with_allow() {
    let router = ScriptedIntake::accepting().service();
    for path in ["/livez", "/readyz"] {
        let answer = ask(&router, request(&Method::POST, path)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
        answer.problem();
    }
}
