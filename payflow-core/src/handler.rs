//! What is done with a message.

mod notify_payer;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use notify_payer::NotifyPayer;

use crate::consumer::Delivery;
use crate::error::Error;
use crate::payment::{Fingerprint, PaymentId, PaymentRequest, Purpose};
use crate::record::HeaderName;

/// Handles decoded records, one call an attempt. Implementers write a plain `async fn`; a closure over an owned
/// [`Message`] is a handler too.
///
/// Called concurrently for different lanes, never for one. `Ok` finishes the record. It may see a record again after a
/// restart or a rebalance, and after an outcome that was not known: with the same
/// [`payment_id`](Message::payment_id) each time.
///
/// ```
/// use payflow_core::{Error, Handler, Message, PaymentRequest};
///
/// struct Ledger;
///
/// impl Handler<PaymentRequest> for Ledger {
///     async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
///         println!("{} owes {}", message.body().user_id(), message.body().amount());
///         Ok(())
///     }
/// }
/// ```
pub trait Handler<T>: Send + Sync {
    /// Resolves when the message is dealt with.
    ///
    /// # Errors
    /// [`Transient`](crate::Fault::Transient), [`Unknown`](crate::Fault::Unknown): called again after a pause, until
    /// the attempts are used up and the record is dead-lettered.
    /// [`Permanent`](crate::Fault::Permanent), [`Fatal`](crate::Fault::Fatal), a panic: dead-lettered.
    ///
    /// # Cancel safety
    /// The future is dropped at the handler timeout, and at the deadline of a revoke or shutdown; the outcome then counts
    /// as unknown.
    fn handle(&self, message: Message<T>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whom this delivery would be taken to, such as `smtp`: what is down together has one name, and never an address.
    ///
    /// Each destination has a [`StormPolicy`](crate::StormPolicy) guard of its own. The default, one for all, is right for
    /// a handler that has one. It is asked before each delivery, so it should cost nothing; a panic counts as a name of its own.
    fn destination(&self, _delivery: &Delivery) -> &'static str {
        "handler"
    }

    /// For how long it claims what it works on: a pipeline whose handler timeout is not below that is refused, since the
    /// work could be done a second time beside the first. See [`Notifier::claim_lease`](crate::Notifier::claim_lease).
    ///
    /// The default, `None`, is for those that claim nothing.
    fn claim_lease(&self) -> Option<Duration> {
        None
    }
}

impl<T, F, Fut> Handler<T> for F
where
    F: Fn(Message<T>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), Error>> + Send,
{
    fn handle(&self, message: Message<T>) -> impl Future<Output = Result<(), Error>> + Send {
        self(message)
    }
}

/// A decoded record, as one attempt sees it.
#[derive(Debug)]
pub struct Message<T> {
    body: T,
    delivery: Arc<Delivery>,
    attempt: u32,
    foreign_id: OnceLock<PaymentId>,
}

impl<T> Message<T> {
    /// `delivery` decoded to `body`, for the `attempt`th time (from 1).
    #[must_use]
    pub fn new(body: T, delivery: Delivery, attempt: u32) -> Self {
        Self::shared(body, Arc::new(delivery), attempt)
    }

    pub(crate) const fn shared(body: T, delivery: Arc<Delivery>, attempt: u32) -> Self {
        Self { body, delivery, attempt, foreign_id: OnceLock::new() }
    }

    /// What the record says.
    #[must_use]
    pub const fn body(&self) -> &T {
        &self.body
    }

    /// What the record says, to keep.
    #[must_use]
    pub fn into_body(self) -> T {
        self.body
    }

    /// The record it was decoded from.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Which attempt this is in this process, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl Message<PaymentRequest> {
    /// The payment's id: the one it bears or, for a record of a foreign service, one that follows from where and when the
    /// record stands and what it holds. Computed when first asked for; a redelivery has the same.
    #[must_use]
    pub fn payment_id(&self) -> PaymentId {
        self.body.id().unwrap_or_else(|| *self.foreign_id.get_or_init(|| foreign_id(&self.delivery)))
    }

    /// The fingerprint that the intake gave a request with an idempotency key.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let text = self.delivery.headers().text(HeaderName::FINGERPRINT)?;
        Fingerprint::parse(text).ok()
    }
}

/// A topic that was made again repeats topic, partition and offset; hence time and value.
pub(crate) fn foreign_id(delivery: &Delivery) -> PaymentId {
    PaymentId::derived(
        Purpose::ForeignRecord,
        &[
            delivery.topic.as_str().as_bytes(),
            &delivery.partition.to_be_bytes(),
            &delivery.offset.to_be_bytes(),
            &delivery.timestamp_ms.unwrap_or(-1).to_be_bytes(),
            delivery.value().unwrap_or_default(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::AckToken;
    use crate::money::{Currency, Money};
    use crate::payment::{PaymentMethod, UserId};
    use crate::record::{Content, Headers, Topic};

    fn message(offset: i64, value: &'static str) -> Message<PaymentRequest> {
        let amount = Money::new(1, Currency::parse("EUR").unwrap());
        let body =
            PaymentRequest::new(UserId::parse("u").unwrap(), amount, PaymentMethod::parse("m").unwrap())
                .unwrap();
        let delivery = Delivery {
            token: AckToken::new(0, 0, offset),
            topic: Topic::parse("t").unwrap(),
            partition: 0,
            offset,
            timestamp_ms: Some(1),
            content: Content::new(None, Some(value.as_bytes()), &Headers::new()),
        };
        Message::new(body, delivery, 1)
    }

    #[test]
    fn a_foreign_record_has_one_id_each_time_it_is_delivered() {
        assert_eq!(message(7, "a").payment_id(), message(7, "a").payment_id());
        assert_ne!(message(7, "a").payment_id(), message(8, "a").payment_id());
        assert_ne!(message(7, "a").payment_id(), message(7, "b").payment_id());
    }

    #[test]
    fn the_id_that_a_record_bears_is_kept() {
        let id = PaymentId::random();
        let bare = message(7, "a");
        let identified = bare.body().clone().identified(id, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(Message::new(identified, bare.delivery().clone(), 1).payment_id(), id);
    }
}
