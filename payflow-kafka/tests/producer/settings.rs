//! The deadline of an intake beside the timeouts of its producer. No broker is needed: nothing of this reaches one.

use std::time::Duration;

use payflow_core::{
    Codec, DecodeError, DirectIntake, Encoded, Headers, HeadersRef, Intake as _, PaymentRequest,
    Producer as _, Topic,
};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig};

struct Nothing;

impl Codec<PaymentRequest> for Nothing {
    fn encode(&self, _request: &PaymentRequest) -> Encoded {
        Encoded { value: bytes::Bytes::new(), headers: Headers::new() }
    }

    fn decode(&self, _value: &[u8], _headers: HeadersRef<'_>) -> Result<PaymentRequest, DecodeError> {
        Err(DecodeError::Malformed("it is written only".into()))
    }
}

fn producer(config: &KafkaProducerConfig) -> KafkaProducer {
    KafkaProducer::new(&KafkaConfig::new("127.0.0.1:1"), config).expect("it connects later")
}

#[tokio::test]
async fn an_intake_waits_longer_than_its_producer_may_take_to_decide() {
    const SECOND: Duration = Duration::from_secs(1);
    assert_eq!(producer(&KafkaProducerConfig::new()).decided_within(), Some(9 * SECOND));
    let config = KafkaProducerConfig::new().with_queue_timeout(2 * SECOND).with_delivery_timeout(20 * SECOND);
    let topic = Topic::parse("payment-topic").expect("a topic's name");

    let intake = DirectIntake::new(producer(&config), Nothing, topic);
    assert_eq!(intake.decided_within(), Some(23 * SECOND));
    let intake = intake.with_deadline(22 * SECOND + Duration::from_millis(1)).expect("it is above");
    let Err(refused) = intake.with_deadline(22 * SECOND) else { panic!("it is not above") };
    assert_eq!(refused.setting(), "deadline");
    assert!(refused.to_string().contains("22s"), "{refused}");
}
