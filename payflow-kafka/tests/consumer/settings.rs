//! A pipeline's settings beside those of its consumer. No broker is needed: nothing of this reaches one.

use std::sync::Arc;

use payflow_core::{
    Codec, Consumer as _, DeadLetters, DecodeError, Encoded, Error, Headers, HeadersRef, InvalidConfig,
    Message, Pipeline, PipelineConfig, Topic,
};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig};

const MIB: usize = 1024 * 1024;

struct Nothing;

impl Codec<()> for Nothing {
    fn encode(&self, (): &()) -> Encoded {
        Encoded { value: bytes::Bytes::new(), headers: Headers::new() }
    }

    fn decode(&self, _value: &[u8], _headers: HeadersRef<'_>) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn build(consumer: &KafkaConsumerConfig, config: PipelineConfig) -> Result<(), InvalidConfig> {
    let cluster = KafkaConfig::new("127.0.0.1:1");
    let topic = |name| Topic::parse(name).expect("a topic's name");
    let consumer = KafkaConsumer::new(&cluster, consumer, &[topic("payments")]).expect("it connects later");
    assert!(consumer.limits().fetch_bytes().is_some());
    let producer = KafkaProducer::new(&cluster, &KafkaProducerConfig::new()).expect("it connects later");
    let letters = DeadLetters::new(Arc::new(producer), topic("payments.dead-letters"));
    let handler = |_: Message<()>| async { Ok::<(), Error>(()) };
    Pipeline::new(consumer, Nothing, handler, letters, config).map(drop)
}

#[tokio::test]
async fn a_pipeline_that_its_consumer_would_overrun_or_starve_is_refused() {
    let consumer = KafkaConsumerConfig::new("g");
    assert_eq!(build(&consumer, PipelineConfig::new()), Ok(()));

    let least = |bytes| build(&consumer, PipelineConfig::new().with_bytes_max(bytes));
    assert_eq!(least(MIB), Ok(()));
    let refused = least(MIB - 1).unwrap_err();
    assert_eq!(refused.setting(), "bytes_max");

    let small = KafkaConsumerConfig::new("g").with_buffer_bytes_max(4 * MIB);
    let most = |bytes| build(&small, PipelineConfig::new().with_bytes_max(bytes));
    assert_eq!(most(32 * MIB), Ok(()));
    let refused = most(33 * MIB).unwrap_err();
    assert!(refused.to_string().contains("lower it to 33554432"), "{refused}");

    let refused = build(&consumer, PipelineConfig::new().with_records_max(200_000)).unwrap_err();
    assert_eq!(refused.setting(), "records_max");
}
