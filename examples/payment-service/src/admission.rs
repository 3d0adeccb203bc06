//! How many payments may wait for Kafka at once.

use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{
    Acceptance, Error, IdempotencyKey, Intake, IntakeError, PaymentId, PaymentRequest, Principal,
};
use tokio::sync::Semaphore;

/// [`Intake`] that hands on at most so many payments at once, and refuses one more at once as unavailable.
///
/// While Kafka is away each payment waits until the producer gives it up. Without a bound those that wait would hold
/// every connection of the server, and health checks would find none.
#[derive(Debug)]
pub(crate) struct Bounded<I, F> {
    intake: I,
    is_reached: F,
    places: Semaphore,
}

impl<I: Intake, F: Fn() -> bool + Send + Sync> Bounded<I, F> {
    /// `is_reached` says whether Kafka is: the log then tells a broker that is away from one that is slow.
    pub(crate) fn new(intake: I, payments_max: usize, is_reached: F) -> Self {
        Self { intake, is_reached, places: Semaphore::new(payments_max) }
    }

    fn refusal(&self) -> IntakeError {
        let reason = if (self.is_reached)() {
            "too many payments wait for Kafka"
        } else {
            "no Kafka broker is reached"
        };
        let error = Error::transient("take payment").because(reason);
        // It was not taken, so that nobody is told this id.
        IntakeError::Failed { payment_id: PaymentId::random(), error }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<I: Intake, F: Fn() -> bool + Send + Sync> Intake for Bounded<I, F> {
    async fn accept(
        &self,
        principal: &Principal,
        request: PaymentRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Acceptance, IntakeError> {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(self.refusal());
        };
        self.intake.accept(principal, request, key).await
    }

    fn decided_within(&self) -> Option<Duration> {
        self.intake.decided_within()
    }
}

#[cfg(test)]
mod tests {
    use payflow_core::{Currency, Fault, Money, PaymentMethod, UserId};
    use tokio::sync::Notify;

    use super::*;

    /// Accepts when it is told to.
    #[derive(Default)]
    struct Gate(Notify);

    #[async_trait]
    impl Intake for &Gate {
        async fn accept(
            &self,
            _: &Principal,
            _: PaymentRequest,
            _: Option<&IdempotencyKey>,
        ) -> Result<Acceptance, IntakeError> {
            self.0.notified().await;
            Ok(Acceptance::new(PaymentId::random()))
        }
    }

    fn request() -> PaymentRequest {
        let amount = Money::new(100, Currency::parse("EUR").unwrap());
        PaymentRequest::new(UserId::parse("u001").unwrap(), amount, PaymentMethod::parse("card").unwrap())
            .unwrap()
    }

    #[tokio::test]
    async fn one_more_than_the_bound_is_refused_at_once_and_a_place_is_given_back() {
        let gate = Gate::default();
        let bounded = Bounded::new(&gate, 1, || false);
        let principal = Principal::default();
        let mut first = std::pin::pin!(bounded.accept(&principal, request(), None));
        tokio::select! {
            biased;
            _ = first.as_mut() => panic!("the gate is closed"),
            () = std::future::ready(()) => {}
        }

        match bounded.accept(&principal, request(), None).await {
            Err(IntakeError::Failed { error, .. }) => {
                assert!(matches!(error.fault(), Fault::Transient { .. }), "{error:?}");
                assert!(error.chain().contains("no Kafka broker is reached"), "{error:?}");
            }
            other => panic!("{other:?}"),
        }

        gate.0.notify_one();
        assert!(first.await.is_ok());
        gate.0.notify_one();
        assert!(bounded.accept(&principal, request(), None).await.is_ok());
    }

    #[tokio::test]
    async fn payment_whose_client_went_away_gives_its_place_back() {
        let gate = Gate::default();
        let bounded = Bounded::new(&gate, 1, || false);
        let principal = Principal::default();
        {
            let mut gone = std::pin::pin!(bounded.accept(&principal, request(), None));
            tokio::select! {
                biased;
                _ = gone.as_mut() => panic!("the gate is closed"),
                () = std::future::ready(()) => {}
            }
        }

        gate.0.notify_one();
        assert!(bounded.accept(&principal, request(), None).await.is_ok());
    }
}
