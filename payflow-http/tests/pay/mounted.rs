//! The route inside an axum app that does other things too.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::get;
use payflow_core::Principal;

use crate::scripted::{GOOD, ScriptedIntake, ask, currency, post};

fn at(path: &str, mut request: Request<Body>) -> Request<Body> {
    *request.uri_mut() = path.parse().unwrap();
    request
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn nested_under_a_prefix_beside_routes_with_state() {
    let intake = ScriptedIntake::accepting();
    let payments = intake.payments().with_default_currency(currency("EUR"));
    let app: Router = Router::new()
        .route("/", get(|State(shop): State<Arc<str>>| async move { shop.to_string() }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing here, says the shop") })
        .with_state(Arc::from("my shop"))
        .nest("/api/v1", payments.into_pay_route());

    assert_eq!(ask(&app, at("/api/v1/pay", post(GOOD))).await.status, StatusCode::ACCEPTED);
    assert_eq!(ask(&app, get_request("/")).await.text, "my shop");

    let wrong_method = ask(&app, get_request("/api/v1/pay")).await;
    assert_eq!(wrong_method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong_method.header("allow"), Some("POST"));
    wrong_method.problem();

    for path in ["/pay", "/api/v1/other", "/livez", "/readyz", "/api/v1/livez"] {
        let answer = ask(&app, get_request(path)).await;
        assert_eq!(answer.text, "nothing here, says the shop", "{path}");
    }
}

#[tokio::test]
async fn merged_beside_other_methods_of_the_same_path() {
    let intake = ScriptedIntake::accepting();
    let app: Router = Router::new()
        .route("/pay", get(|| async { "how to pay" }))
        .merge(intake.payments().with_default_currency(currency("EUR")).into_pay_route());

    assert_eq!(ask(&app, post(GOOD)).await.status, StatusCode::ACCEPTED);
    assert_eq!(ask(&app, get_request("/pay")).await.text, "how to pay");
    let mut put = post(GOOD);
    *put.method_mut() = Method::PUT;
    assert_eq!(ask(&app, put).await.header("allow"), Some("GET,HEAD,POST"));
}

#[tokio::test]
async fn the_service_answers_as_the_router_does_whatever_is_asked() {
    let intake = ScriptedIntake::accepting();
    let payments = || intake.payments().with_default_currency(currency("EUR"));
    let more = || Router::new().route("/more", get(|| async { "more" }));
    let (service, router) = (payments().into_service().merge(more()), payments().into_router().merge(more()));
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        for path in ["/pay", "/pay?a=b", "/pay/", "/PAY", "//pay", "/", "/livez", "/readyz", "/more"] {
            for body in [GOOD, "{}", ""] {
                let request = || {
                    let mut request = at(path, post(body));
                    *request.method_mut() = method.clone();
                    request
                };
                let (one, mut other) = (ask(&service, request()).await, ask(&router, request()).await);
                if !one.headers.contains_key(CONTENT_LENGTH) {
                    // The server's own work, which axum does for it.
                    other.headers.remove(CONTENT_LENGTH);
                }
                assert_eq!(one.status, other.status, "{method} {path} {body}");
                assert_eq!((one.headers, one.text), (other.headers, other.text), "{method} {path} {body}");
            }
        }
    }
}

#[tokio::test]
async fn a_layer_of_the_app_says_who_asks() {
    let intake = ScriptedIntake::accepting();
    let app = intake.payments().with_default_currency(currency("EUR")).into_router().layer(
        middleware::from_fn(|mut request: axum::extract::Request, next: Next| {
            request.extensions_mut().insert(Principal::named("shop-7"));
            next.run(request)
        }),
    );

    ask(&app, post(GOOD)).await;

    assert_eq!(intake.calls()[0].principal, Principal::named("shop-7"));
}
