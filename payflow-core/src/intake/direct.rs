//! Intake straight into a producer, without a database.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Acceptance, IdempotencyKey, Intake, IntakeError};
use crate::codec::Codec;
use crate::error::Error;
use crate::payment::{PaymentId, PaymentRequest, Purpose};
use crate::pipeline::InvalidConfig;
use crate::principal::Principal;
use crate::producer::Producer;
use crate::record::{HeaderName, Record, Topic};

/// How far above the producer's own time the deadline is by default.
const MARGIN: Duration = Duration::from_secs(1);

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
    pub fn new(producer: P, codec: C, topic: Topic) -> Self {
        let above = |decided: Duration| decided.saturating_add(MARGIN).max(Self::DEADLINE);
        let deadline = producer.decided_within().map_or(Self::DEADLINE, above);
        Self { producer, codec, topic, deadline }
    }

    /// How long a send may take before its outcome counts as unknown. It is a backstop: above the time in which the
    /// [producer decides](Producer::decided_within), which knows more. Default 10 s, or a second above that time where it is
    /// longer.
    ///
    /// # Errors
    /// It is not above that time.
    pub fn with_deadline(self, deadline: Duration) -> Result<Self, InvalidConfig> {
        match self.producer.decided_within() {
            Some(decided) if deadline <= decided => Err(InvalidConfig::new(
                "deadline",
                format!(
                    "of {deadline:?} is not above the {decided:?} in which the producer decides a send, so that what is \
                     known to have failed would be told as unknown: raise it, or lower the producer's timeouts"
                ),
            )),
            _ => Ok(Self { deadline, ..self }),
        }
    }

    fn record(&self, id: PaymentId, request: PaymentRequest, keyed: bool) -> Record {
        let request = request.identified(id, now());
        let mut encoded = self.codec.encode(&request);
        if keyed {
            encoded.headers.append(HeaderName::FINGERPRINT, request.fingerprint().to_string());
        }
        Record::new(self.topic.clone(), encoded.value)
            .with_key(Bytes::copy_from_slice(request.user_id().as_bytes()))
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

    fn decided_within(&self) -> Option<Duration> {
        Some(self.deadline)
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
    // What lies in the range of times does so without its fraction of a millisecond.
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
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

    #[derive(Debug, Default)]
    struct Recorder {
        records: Mutex<Vec<Record>>,
        hangs: bool,
        decides_within: Option<Duration>,
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

        fn decided_within(&self) -> Option<Duration> {
            self.decides_within
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

    #[test]
    fn a_deadline_within_which_the_producer_may_still_decide_is_refused() {
        const SECOND: Duration = Duration::from_secs(1);
        let deciding = |within| {
            let producer = Recorder { decides_within: within, ..Recorder::default() };
            DirectIntake::new(producer, JsonCodec::new(), Topic::parse("payment-topic").unwrap())
        };
        for deadline in [Duration::ZERO, 9 * SECOND] {
            let refused = deciding(Some(9 * SECOND)).with_deadline(deadline).unwrap_err();
            assert_eq!(refused.setting(), "deadline");
            assert!(refused.to_string().contains("above the 9s") && refused.to_string().contains("raise it"));
        }
        let above = 9 * SECOND + Duration::from_nanos(1);
        let taken = deciding(Some(9 * SECOND)).with_deadline(above).unwrap();
        assert_eq!(taken.decided_within(), Some(above));
        assert!(deciding(None).with_deadline(Duration::ZERO).is_ok(), "nothing is known");

        let default = |within| deciding(within).decided_within();
        assert_eq!(default(None), Some(10 * SECOND));
        assert_eq!(default(Some(9 * SECOND)), Some(10 * SECOND));
        assert_eq!(default(Some(60 * SECOND)), Some(61 * SECOND));
        assert_eq!(default(Some(Duration::MAX)), Some(Duration::MAX));
    }
}
