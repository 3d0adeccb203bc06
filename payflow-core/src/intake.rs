//! Accepts requests: idempotency, identity, durable hand-over.

mod direct;
mod key;
mod outage;
mod report;

use std::time::Duration;

use async_trait::async_trait;

pub use direct::DirectIntake;
pub use key::{IdempotencyKey, InvalidIdempotencyKey};
pub use report::{IntakeFailure, IntakeReport};

use crate::error::Error;
use crate::payment::{InvalidPayment, PaymentId, PaymentRequest};
use crate::principal::Principal;

/// Accepts payment requests for both front doors.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Resolves when the request is durable. May be called concurrently, also with the same key.
    ///
    /// The same principal and key always get the same payment id. The identity that `request` bears, if any, is
    /// replaced: no client names its own.
    ///
    /// # Errors
    /// See [`IntakeError`]. It resolves within a deadline of its own.
    ///
    /// # Cancel safety
    /// A dropped future means that the request may have been accepted.
    async fn accept(
        &self,
        principal: &Principal,
        request: PaymentRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Acceptance, IntakeError>;

    /// The deadline within which [`accept`](Self::accept) resolves. The same at each call; a server's request deadline is
    /// held against it, and an intake around another hands on the other's.
    ///
    /// The default, `None`, is for those that cannot tell.
    fn decided_within(&self) -> Option<Duration> {
        None
    }
}

/// The request is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Acceptance {
    /// payflow's name for the payment.
    pub payment_id: PaymentId,
}

impl Acceptance {
    /// For implementers: accepted under this id.
    pub const fn new(payment_id: PaymentId) -> Self {
        Self { payment_id }
    }
}

/// Why a request was not, or not surely, accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// A field is refused.
    #[error(transparent)]
    Invalid(#[from] InvalidPayment),
    /// The idempotency key was used before, for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// It could not be made durable, or nobody knows whether it was: the error's fault tells which.
    #[error("payment could not be handed over")]
    Failed {
        /// The id it has, if it was taken after all.
        payment_id: PaymentId,
        /// What failed.
        #[source]
        error: Error,
    },
}
