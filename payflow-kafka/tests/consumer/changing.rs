//! The cluster changes while an assignment waits for the group's offsets. The mock of librdkafka tells none for a while.

use std::time::Duration;

use payflow_core::{Consumer as _, Producer as _, Record, Topic};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaProducer, KafkaProducerConfig};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::cluster::{offsets, receive};

/// So often the group's offsets cannot be read: each question is followed by a pause of 200 ms.
const REFUSALS: usize = 30;
/// The topics change in the middle of that: the mock lets a group wait 3 s for its members.
const CHANGES_AFTER: Duration = Duration::from_secs(6);

#[test]
fn an_assignment_that_waits_is_kept_when_a_topic_appears() {
    receive_while_the_other_topic(false);
}

#[test]
fn an_assignment_that_waits_is_kept_when_another_topic_vanishes() {
    receive_while_the_other_topic(true);
}

/// Receives what is in one topic while another `vanishes`, or appears.
fn receive_while_the_other_topic(vanishes: bool) {
    let mock = MockCluster::new(1).expect("a mock");
    let [one, other] = ["one", "other"].map(|name| Topic::parse(name).expect("a topic's name"));
    for topic in [&one, &other] {
        mock.create_topic(topic.as_str(), 1, 1).expect("a topic");
    }
    // One that was not made at all the mock makes now and then by itself.
    let set_there = |is_there| {
        let missing = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        let error = if is_there { RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR } else { missing };
        mock.topic_error(other.as_str(), error).expect("a topic");
    };
    set_there(vanishes);
    let cluster = KafkaConfig::new(mock.bootstrap_servers());
    let refusals = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; REFUSALS];
    mock.request_errors(RDKafkaApiKey::OffsetFetch, &refusals);
    let looks_often = cluster.with_property("topic.metadata.refresh.interval.ms", "100").expect("a property");
    // A mock waits for nearly so long for those that come again.
    let group = KafkaConsumerConfig::new("group").with_session_timeout(Duration::from_secs(6));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let producer =
            KafkaProducer::new(&looks_often, &KafkaProducerConfig::new()).expect("the settings are good");
        let written = producer.send(Record::new(one.clone(), "x")).await.expect("it is written");
        let mut consumer =
            KafkaConsumer::new(&looks_often, &group, &[one, other.clone()]).expect("the settings are good");
        let changing = async {
            tokio::time::sleep(CHANGES_AFTER).await;
            set_there(!vanishes);
        };
        let (received, ()) = tokio::join!(receive(&mut consumer, 1), changing);

        assert_eq!(offsets(&received), [written.offset]);
        consumer.close().await;
    });
}
