//! `POST /pay`: from a request to an accepted payment or a refusal.

mod body;
mod media_type;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::BoxError;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use payflow_core::{
    Acceptance, Currency, Fault, Field, IdempotencyKey, Intake, IntakeError, IntakeFailure, IntakeReport,
    InvalidPayment, JsonError, JsonPayment, PaymentId, PaymentRequest, Principal,
};

use crate::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Takes payment requests over HTTP and hands them to the intake.
pub(crate) struct Door {
    pub(crate) default_currency: Option<Currency>,
    pub(crate) body_bytes_max: usize,
    intake: Arc<dyn Intake>,
    report: IntakeReport,
}

impl Door {
    pub(crate) fn new(intake: Arc<dyn Intake>, body_bytes_max: usize) -> Self {
        Self { default_currency: None, body_bytes_max, intake, report: IntakeReport::default() }
    }

    /// The future is made for each request and lives as long as it does: what only the head is asked for is not in it.
    pub(crate) fn answer<B>(
        self: &Arc<Self>,
        request: Request<B>,
    ) -> impl Future<Output = Result<Acceptance, Problem>> + Send + use<B>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send,
    {
        let (door, begun) = (Arc::clone(self), self.begin(request));
        async move {
            match begun {
                Ok(begun) => door.take(begun).await,
                Err(problem) => Err(problem),
            }
        }
    }

    /// What the head alone refuses is refused before a byte of the body is read.
    fn begin<B: Body>(&self, request: Request<B>) -> Result<Begun<B>, Problem> {
        let (mut head, body) = request.into_parts();
        media_type::check(&head.headers)?;
        let key = idempotency_key(&head.headers)?;
        body::check_length(&head.headers, &body, self.body_bytes_max)?;
        let principal = head.extensions.remove::<Principal>().unwrap_or_default();
        Ok(Begun { key, principal, body })
    }

    async fn take<B>(&self, Begun { key, principal, body }: Begun<B>) -> Result<Acceptance, Problem>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send,
    {
        let accepting = {
            // Goes before the wait for the intake: a waiting payment must not hold the connection's read buffer.
            let bytes = body::collect(body, self.body_bytes_max).await?;
            self.intake.accept(&principal, self.read(&bytes)?, key.as_ref())
        };
        // A panic on the way says no more about the payment than a broken connection does.
        match AssertUnwindSafe(accepting).catch_unwind().await {
            Ok(Ok(acceptance)) => {
                self.report.accepted();
                Ok(acceptance)
            }
            Ok(Err(error)) => Err(self.refusal(error)),
            Err(_panic) => {
                self.report.failed(IntakeFailure::OutcomeUnknown, || "the intake panicked".to_owned());
                Err(Problem::outcome_unknown(None))
            }
        }
    }

    fn read(&self, bytes: &[u8]) -> Result<PaymentRequest, Problem> {
        let payment = JsonPayment::read(bytes).map_err(|error| match error {
            JsonError::NotAnObject => Problem::not_an_object(),
            malformed => Problem::malformed_body(malformed.to_string()),
        })?;
        if let Some(name) = payment.unknown_field() {
            return Err(unknown_field(name));
        }
        payment
            .currency()
            .and_then(|stated| payment.request(stated.or(self.default_currency)))
            .map_err(|invalid| Problem::invalid_field(&invalid))
    }

    fn refusal(&self, error: IntakeError) -> Problem {
        let (payment_id, error) = match error {
            IntakeError::Invalid(invalid) => return Problem::invalid_field(&invalid),
            IntakeError::KeyReused => return Problem::idempotency_key_reused(),
            IntakeError::Failed { payment_id, error } => (payment_id, error),
            // What is not known here is not known to have failed.
            unheard_of => {
                self.report.failed(IntakeFailure::OutcomeUnknown, || unheard_of.to_string());
                return Problem::outcome_unknown(None);
            }
        };
        let (failure, problem) = match error.fault() {
            Fault::Transient { retry_after } => {
                (IntakeFailure::Unavailable, Problem::unavailable(retry_after))
            }
            Fault::Fatal => (IntakeFailure::Unavailable, Problem::unavailable(None)),
            Fault::Unknown => (IntakeFailure::OutcomeUnknown, Problem::outcome_unknown(Some(payment_id))),
            Fault::Permanent => (IntakeFailure::Internal, Problem::internal()),
        };
        self.report.failed(failure, || error.chain());
        problem
    }
}

/// A request whose head is fine.
struct Begun<B> {
    key: Option<IdempotencyKey>,
    principal: Principal,
    body: B,
}

/// The answer to a payment that was taken.
pub(crate) fn accepted(acceptance: Acceptance) -> Response<Bytes> {
    // A payment id is hexadecimal digits and hyphens: nothing to escape.
    let mut room = [0; PaymentId::TEXT_BYTES];
    let id = acceptance.payment_id.write_text(&mut room);
    let body = [r#"{"paymentId":""#, id, r#"","status":"accepted"}"#].concat();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::invalid_idempotency_key("Idempotency-Key must stand once"));
    }
    // Bytes beyond ASCII are no key either, so they may read as the empty one.
    IdempotencyKey::parse_field(value.to_str().unwrap_or_default())
        .map(Some)
        .map_err(|invalid| Problem::invalid_idempotency_key(format!("Idempotency-Key {invalid}")))
}

/// A client that sends payflow's own names is told why it may not, and not that they do not exist.
fn unknown_field(name: &str) -> Problem {
    [Field::PaymentId, Field::CreatedAt].into_iter().find(|field| field.name() == name).map_or_else(
        || Problem::unknown_field(name),
        |field| Problem::invalid_field(&InvalidPayment::new(field, "is given by payflow; leave it out")),
    )
}
