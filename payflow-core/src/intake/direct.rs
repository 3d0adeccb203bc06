//! Intake straight into a producer, without a database.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{Timestamp, TimestampRound, Unit};

use super::{Acceptance, IdempotencyKey, Intake, IntakeError};
use crate::codec::Codec;
use crate::error::Error;
use crate::payment::{PaymentId, PaymentRequest, Purpose};
use crate::principal::Principal;
use crate::producer::Producer;
use crate::record::{HeaderName, Record, Topic};

/// [`Intake`] that sends each request to a topic and answers when the record is durable.
///
/// With an idempotency key the payment id follows from principal and key, so a client's repeat has the same id by
/// construction; the record then carries the request's fingerprint, by which [`Once`](crate::Once) drops a repeat.
/// Without a store a reused key with another request cannot be told to the client: it is dead-lettered downstream.
#[derive(Debug)]
pub struct DirectIntake<P, C> {
    producer: P,
    codec: C,
    topic: Topic,
    deadline: Duration,
}

impl<P: Producer, C: Codec<PaymentRequest>> DirectIntake<P, C> {
    /// The default of [`with_deadline`](Self::with_deadline).
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// Sends to `topic` through `producer`.
    #[must_use]
    pub const fn new(producer: P, codec: C, topic: Topic) -> Self {
        Self { producer, codec, topic, deadline: Self::DEADLINE }
    }

    /// How long a send may take before its outcome counts as unknown. Keep the producer's own delivery timeout below
    /// it, which knows more: then this is a backstop. Default 10 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    fn record(&self, id: PaymentId, request: PaymentRequest, keyed: bool) -> Record {
        let request = request.identified(id, now());
        let mut encoded = self.codec.encode(&request);
        if keyed {
            encoded.headers.append(HeaderName::FINGERPRINT, request.fingerprint().to_string());
        }
        Record::new(self.topic.clone(), encoded.value)
            .with_key(request.user_id().as_str().to_owned())
            .with_headers(encoded.headers)
    }
}

#[async_trait]
impl<P: Producer, C: Codec<PaymentRequest>> Intake for DirectIntake<P, C> {
    async fn accept(
        &self,
        principal: &Principal,
        request: PaymentRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Acceptance, IntakeError> {
        let payment_id = key.map_or_else(PaymentId::random, |key| keyed_id(principal, key));
        let record = self.record(payment_id, request, key.is_some());
        let sent = tokio::time::timeout(self.deadline, self.producer.send(record)).await;
        match sent.unwrap_or_else(|elapsed| Err(Error::unknown("send payment").because(elapsed))) {
            Ok(_receipt) => Ok(Acceptance::new(payment_id)),
            Err(error) => Err(IntakeError::Failed { payment_id, error }),
        }
    }
}

/// Both front doors lead to one operation, so the route is a constant: a repeat through the other door is a repeat.
fn keyed_id(principal: &Principal, key: &IdempotencyKey) -> PaymentId {
    PaymentId::derived(
        Purpose::IdempotencyKey,
        &[principal.as_str().as_bytes(), b"pay", key.as_str().as_bytes()],
    )
}

/// To the millisecond, as every wire has it.
fn now() -> Timestamp {
    let now = Timestamp::now();
    // Rounding fails only at the end of the year 9999.
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}

#[cfg(test)]
#[cfg(feature = "json")]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::error::Fault;
    use crate::json::JsonCodec;
    use crate::money::{Currency, Money};
    use crate::payment::{PaymentMethod, UserId};
    use crate::record::Receipt;

    #[derive(Default)]
    struct Recorder {
        records: Mutex<Vec<Record>>,
        hangs: bool,
    }

    #[async_trait]
    impl Producer for Recorder {
        async fn send(&self, record: Record) -> Result<Receipt, Error> {
            self.records.lock().unwrap().push(record);
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Ok(Receipt::new(0, 0))
        }

        async fn send_all(&self, _records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
            Vec::new()
        }

        async fn flush(&self) -> Result<(), Error> {
            Ok(())
        }
    }

    fn request(minor: i64) -> PaymentRequest {
        let amount = Money::new(minor, Currency::parse("EUR").unwrap());
        PaymentRequest::new(UserId::parse("u001").unwrap(), amount, PaymentMethod::parse("paypal").unwrap())
            .unwrap()
    }

    fn intake(hangs: bool) -> DirectIntake<Recorder, JsonCodec> {
        let producer = Recorder { hangs, ..Recorder::default() };
        DirectIntake::new(producer, JsonCodec::new(), Topic::parse("payment-topic").unwrap())
    }

    #[tokio::test]
    async fn a_record_bears_key_identity_and_no_fingerprint_without_a_key() {
        let intake = intake(false);
        let acceptance = intake.accept(&Principal::anonymous(), request(4_999), None).await.unwrap();
        let records = intake.producer.records.lock().unwrap();
        assert_eq!(records[0].key.as_deref(), Some(&b"u001"[..]));
        assert_eq!(
            records[0].headers.text("payflow-payment-id"),
            Some(acceptance.payment_id.to_string().as_str())
        );
        assert!(records[0].headers.get("payflow-fingerprint").is_none());
    }

    #[tokio::test]
    async fn a_repeat_has_the_same_id_and_fingerprint_and_another_principal_has_not() {
        let intake = intake(false);
        let key = IdempotencyKey::parse("k1").unwrap();
        let mut ids = Vec::new();
        for (principal, minor) in [("alice", 1), ("alice", 1), ("alice", 2), ("bob", 1)] {
            let accepted =
                intake.accept(&Principal::named(principal), request(minor), Some(&key)).await.unwrap();
            ids.push(accepted.payment_id);
        }
        assert_eq!(ids[0], ids[1]);
        assert_eq!(ids[0], ids[2]);
        assert_ne!(ids[0], ids[3]);
        let records = intake.producer.records.lock().unwrap();
        let print = |index: usize| records[index].headers.text("payflow-fingerprint").unwrap().to_owned();
        assert_eq!(print(0), print(1));
        assert_ne!(print(0), print(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_send_past_the_deadline_is_unknown_and_names_its_id() {
        let key = IdempotencyKey::parse("k1").unwrap();
        let failed = intake(true).accept(&Principal::anonymous(), request(1), Some(&key)).await.unwrap_err();
        let IntakeError::Failed { payment_id, error } = failed else { panic!("{failed}") };
        assert_eq!(error.fault(), Fault::Unknown);
        assert_eq!(payment_id, keyed_id(&Principal::anonymous(), &key));
    }
}
