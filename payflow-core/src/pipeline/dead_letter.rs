//! Sets records aside: original bytes, and why.

use std::sync::Arc;

use crate::consumer::Delivery;
use crate::error::Error;
use crate::handler::foreign_id;
use crate::producer::Producer;
use crate::record::{HeaderName, Record, Topic};

use super::shard::Verdict;

/// Where records go that cannot be handled: a topic, through a producer.
///
/// A dead letter has the record's key, value and headers as they came, and headers that say where from and why, together at
/// most [`PROVENANCE_BYTES_MAX`](Self::PROVENANCE_BYTES_MAX): give its topic a record limit that much above the source's.
#[derive(Clone)]
pub struct DeadLetters {
    producer: Arc<dyn Producer>,
    topic: Topic,
}

impl DeadLetters {
    /// The topic the record came from.
    pub const TOPIC: &'static str = "payflow-dead-letter-topic";
    /// The partition it came from.
    pub const PARTITION: &'static str = "payflow-dead-letter-partition";
    /// The offset it had there.
    pub const OFFSET: &'static str = "payflow-dead-letter-offset";
    /// The time the record had, milliseconds since the Unix epoch.
    pub const TIMESTAMP: &'static str = "payflow-dead-letter-timestamp";
    /// The fault of the last attempt; `unknown` if that of any attempt was.
    pub const FAULT: &'static str = "payflow-dead-letter-fault";
    /// What failed: `decode`, `handler`, `timeout`, `panic`; or `lane full`: others of its key filled their share while it waited
    /// for its next attempt.
    pub const STAGE: &'static str = "payflow-dead-letter-stage";
    /// The error of the last attempt, its causes included, cut to 2,048 bytes.
    pub const REASON: &'static str = "payflow-dead-letter-reason";
    /// How many attempts were made.
    pub const ATTEMPTS: &'static str = "payflow-dead-letter-attempts";

    /// What the headers that are added take at the most, names included.
    pub const PROVENANCE_BYTES_MAX: usize = 4_096;

    /// Dead letters go to `topic` through `producer`.
    #[must_use]
    pub fn new(producer: Arc<dyn Producer>, topic: Topic) -> Self {
        Self { producer, topic }
    }

    /// Resolves when the dead letter is durable.
    pub(super) async fn publish(&self, delivery: &Delivery, verdict: &Verdict) -> Result<(), Error> {
        self.producer.send(self.record(delivery, verdict)).await.map(drop)
    }

    fn record(&self, delivery: &Delivery, verdict: &Verdict) -> Record {
        let mut record = delivery.content.to_record(self.topic.clone());
        let headers = &mut record.headers;
        if headers.get(HeaderName::PAYMENT_ID).is_none() {
            // So that a redrive, at another place in another topic, is still the same payment.
            headers.append(HeaderName::PAYMENT_ID, foreign_id(delivery).to_string());
        }
        // A record that is dead-lettered again after a redrive says where it failed last.
        for name in [
            Self::TOPIC,
            Self::PARTITION,
            Self::OFFSET,
            Self::TIMESTAMP,
            Self::FAULT,
            Self::STAGE,
            Self::REASON,
            Self::ATTEMPTS,
        ] {
            headers.remove(name);
        }
        let failure = &verdict.failure;
        headers.append(Self::TOPIC, delivery.topic.as_str());
        headers.append(Self::PARTITION, delivery.partition.to_string());
        headers.append(Self::OFFSET, delivery.offset.to_string());
        if let Some(timestamp_ms) = delivery.timestamp_ms {
            headers.append(Self::TIMESTAMP, timestamp_ms.to_string());
        }
        headers.append(Self::FAULT, failure.fault.as_str());
        headers.append(Self::STAGE, failure.stage);
        headers.append(Self::REASON, &failure.reason);
        headers.append(Self::ATTEMPTS, verdict.attempts.to_string());
        record
    }
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").field("topic", &self.topic).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::consumer::AckToken;
    use crate::error::Fault;
    use crate::memory::MemoryCluster;
    use crate::pipeline::shard::Failure;
    use crate::record::{Content, Headers};

    fn letters() -> DeadLetters {
        let cluster = MemoryCluster::new();
        DeadLetters::new(Arc::new(cluster.producer()), Topic::parse("dead").unwrap())
    }

    fn delivery(headers: &Headers) -> Delivery {
        Delivery {
            token: AckToken::new(0, 0, 7),
            topic: Topic::parse("a".repeat(249).as_str()).unwrap(),
            partition: i32::MAX,
            offset: i64::MAX,
            timestamp_ms: Some(i64::MIN),
            content: Content::new(Some(b"key"), Some(&[0xff, 0x00]), headers),
        }
    }

    fn verdict(reason: String) -> Verdict {
        let failure = Box::new(Failure::new(Fault::Unknown, "timeout", reason));
        Verdict { failure, attempts: u32::MAX, may_pass: true, failures: 0 }
    }

    #[test]
    fn bytes_are_whole_and_provenance_is_bounded() {
        let mut headers = Headers::new();
        headers.append("other", "kept");
        let original = delivery(&headers);
        let record = letters().record(&original, &verdict("é".repeat(10_000)));
        assert_eq!((record.key.as_deref(), record.value.as_deref()), (original.key(), original.value()));
        assert_eq!(record.headers.text("other"), Some("kept"));
        assert_eq!(record.headers.text(DeadLetters::FAULT), Some("unknown"));
        let added = record.headers.size_bytes() - original.headers().size_bytes();
        assert!(added <= DeadLetters::PROVENANCE_BYTES_MAX, "{added}");
        assert!(added > Failure::REASON_BYTES_MAX);
    }

    #[test]
    fn a_second_death_replaces_the_provenance_and_keeps_the_payment_id() {
        let first = letters().record(&delivery(&Headers::new()), &verdict("first".into()));
        let id = first.headers.text("payflow-payment-id").unwrap().to_owned();
        let second =
            letters().record(&Delivery { offset: 8, ..delivery(&first.headers) }, &verdict("second".into()));
        assert_eq!(second.headers.text("payflow-payment-id"), Some(id.as_str()));
        assert_eq!(second.headers.text(DeadLetters::REASON), Some("second"));
        assert_eq!(second.headers.len(), first.headers.len());
    }
}
