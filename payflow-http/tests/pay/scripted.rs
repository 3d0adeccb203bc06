//! An intake that answers as it is told and keeps what it was asked, and a client without a network.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use payflow_core::{
    Acceptance, Currency, IdempotencyKey, Intake, IntakeError, PaymentId, PaymentRequest, Principal,
};
use payflow_http::{PayService, PaymentRouter};
use serde_json::Value;
use tower::{Service, ServiceExt};

pub(crate) const GOOD: &str = r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#;
pub(crate) const PAYMENT_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

type Script = Box<dyn Fn() -> Result<Acceptance, IntakeError> + Send + Sync>;

/// What the intake was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) principal: Principal,
    pub(crate) request: PaymentRequest,
    pub(crate) key: Option<String>,
}

pub(crate) struct ScriptedIntake {
    script: Script,
    calls: Mutex<Vec<Call>>,
}

impl ScriptedIntake {
    pub(crate) fn accepting() -> Arc<Self> {
        Self::answering(|| Ok(Acceptance::new(payment_id())))
    }

    pub(crate) fn answering(
        script: impl Fn() -> Result<Acceptance, IntakeError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), calls: Mutex::default() })
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// All routes, with euro as the default currency.
    pub(crate) fn service(self: &Arc<Self>) -> PayService {
        self.payments().with_default_currency(currency("EUR")).into_service()
    }

    pub(crate) fn payments(self: &Arc<Self>) -> PaymentRouter {
        PaymentRouter::new(Arc::<Self>::clone(self))
    }
}

#[async_trait]
impl Intake for ScriptedIntake {
    async fn accept(
        &self,
        principal: &Principal,
        request: PaymentRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Acceptance, IntakeError> {
        self.calls.lock().unwrap().push(Call {
            principal: principal.clone(),
            request,
            key: key.map(|key| key.as_str().to_owned()),
        });
        (self.script)()
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The answer as RFC 9457 has it: checks what holds for every problem, and hands out the members.
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{self:?}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        problem
    }
}

pub(crate) async fn ask<S, B>(service: &S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + Sync,
    B: http_body::Body<Data = Bytes, Error = axum::Error> + Send,
{
    let response = service.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// The answer to what the intake must never hear of.
pub(crate) async fn refusal(request: Request<Body>) -> Answer {
    let intake = ScriptedIntake::accepting();
    let answer = ask(&intake.service(), request).await;
    assert_eq!(intake.calls(), [], "{answer:?}");
    answer
}

pub(crate) fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/pay").header("content-type", "application/json").body(body.into()).unwrap()
}

pub(crate) fn with_header(mut request: Request<Body>, name: &'static str, value: &[u8]) -> Request<Body> {
    request.headers_mut().append(name, value.try_into().unwrap());
    request
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(crate) fn payment_id() -> PaymentId {
    PaymentId::parse(PAYMENT_ID).unwrap()
}
