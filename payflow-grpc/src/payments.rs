//! `PaymentService.Pay`: from a call to an accepted payment or a refusal.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use payflow_core::{
    Currency, Fault, Field, Intake, IntakeError, IntakeFailure, IntakeReport, InvalidPayment, PaymentRequest,
};
use payflow_proto::PaymentAccepted;
use tonic::{Request, Response, Status};

use crate::generated::payment_service_server::PaymentService;
use crate::{answer, identity};

/// Takes payment requests over gRPC and hands them to the intake.
pub(crate) struct Payments {
    intake: Arc<dyn Intake>,
    default_currency: Option<Currency>,
    report: IntakeReport,
}

impl Payments {
    pub(crate) fn new(intake: Arc<dyn Intake>, default_currency: Option<Currency>) -> Self {
        Self { intake, default_currency, report: IntakeReport::default() }
    }

    fn read(&self, message: &payflow_proto::PaymentRequest) -> Result<PaymentRequest, InvalidPayment> {
        let ours = [
            (!message.payment_id.is_empty()).then_some(Field::PaymentId),
            message.created_at.is_some().then_some(Field::CreatedAt),
        ];
        if let Some(field) = ours.into_iter().flatten().next() {
            return Err(InvalidPayment::new(field, "is given by payflow; leave it out"));
        }
        message.to_request(self.default_currency)
    }

    fn refusal(&self, error: IntakeError) -> Status {
        let (payment_id, error) = match error {
            IntakeError::Invalid(invalid) => return answer::invalid_payment(&invalid),
            IntakeError::KeyReused => return answer::key_reused(),
            IntakeError::Failed { payment_id, error } => (payment_id, error),
            // What is not known here is not known to have failed.
            unheard_of => {
                self.report.failed(IntakeFailure::OutcomeUnknown, || unheard_of.to_string());
                return answer::outcome_unknown(None);
            }
        };
        let (failure, status) = match error.fault() {
            Fault::Transient { retry_after } => {
                (IntakeFailure::Unavailable, answer::unavailable(retry_after))
            }
            Fault::Fatal => (IntakeFailure::Unavailable, answer::unavailable(None)),
            Fault::Unknown => (IntakeFailure::OutcomeUnknown, answer::outcome_unknown(Some(payment_id))),
            Fault::Permanent => (IntakeFailure::Internal, answer::internal()),
        };
        self.report.failed(failure, || error.chain());
        status
    }
}

#[async_trait]
impl PaymentService for Payments {
    async fn pay(
        &self,
        request: Request<payflow_proto::PaymentRequest>,
    ) -> Result<Response<PaymentAccepted>, Status> {
        let key = identity::idempotency_key(request.metadata())?;
        let principal = identity::principal(&request);
        let payment = self.read(request.get_ref()).map_err(|invalid| answer::invalid_payment(&invalid))?;
        // A panic on the way says no more about the payment than a broken connection does.
        match AssertUnwindSafe(self.intake.accept(&principal, payment, key.as_ref())).catch_unwind().await {
            Ok(Ok(acceptance)) => {
                self.report.accepted();
                Ok(Response::new(PaymentAccepted { payment_id: acceptance.payment_id.to_string() }))
            }
            Ok(Err(error)) => Err(self.refusal(error)),
            Err(_panic) => {
                self.report.failed(IntakeFailure::OutcomeUnknown, || "the intake panicked".to_owned());
                Err(answer::outcome_unknown(None))
            }
        }
    }
}
