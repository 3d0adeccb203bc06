//! Errors that a broker answers with, injected by librdkafka's mock.

use std::sync::Arc;
use std::time::Duration;

use payflow_core::{Fault, Producer, Receipt, Record, Topic};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

type Mock = MockCluster<'static, DefaultProducerContext>;

const TOPIC: &str = "payment-topic";
/// So short that a test can wait for it, and long enough for a first send on a machine with much to do.
const DELIVERY: Duration = Duration::from_secs(3);

fn mock() -> (Mock, KafkaConfig) {
    let mock = MockCluster::new(1).expect("a mock");
    mock.create_topic(TOPIC, 1, 1).expect("a topic");
    let cluster = KafkaConfig::new(mock.bootstrap_servers());
    (mock, cluster)
}

fn producer(cluster: &KafkaConfig, delivery: Duration) -> KafkaProducer {
    KafkaProducer::new(cluster, &KafkaProducerConfig::new().with_delivery_timeout(delivery))
        .expect("the settings are good")
}

fn record() -> Record {
    Record::new(Topic::parse(TOPIC).expect("a topic's name"), "x").with_key("u001")
}

async fn fault_of(producer: &KafkaProducer) -> Option<Fault> {
    producer.send(record()).await.map_err(|error| error.fault()).err()
}

#[tokio::test]
async fn what_can_be_repeated_is_repeated_until_it_is_written_once() {
    use RDKafkaRespErr::*;
    let (mock, cluster) = mock();
    let producer = producer(&cluster, Duration::from_secs(30));
    let mut next = producer.send(record()).await.unwrap().offset + 1;
    for error in [
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    ] {
        mock.request_errors(RDKafkaApiKey::Produce, &[error, error]);
        let Receipt { offset, .. } = producer.send(record()).await.unwrap();
        assert_eq!(offset, next, "{error:?}");
        next += 1;
    }
}

#[tokio::test]
async fn what_is_about_the_record_is_permanent_and_the_next_one_passes() {
    use RDKafkaRespErr::*;
    let (mock, cluster) = mock();
    let producer = producer(&cluster, Duration::from_secs(30));
    for error in [
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_RECORD,
        RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
    ] {
        mock.request_errors(RDKafkaApiKey::Produce, &[error]);
        assert_eq!(fault_of(&producer).await, Some(Fault::Permanent), "{error:?}");
        assert_eq!(fault_of(&producer).await, None, "after {error:?}");
    }
}

#[tokio::test]
async fn a_topic_that_may_not_be_written_is_permanent_until_it_may() {
    let (mock, cluster) = mock();
    let producer = producer(&cluster, Duration::from_secs(30));
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
    );
    assert_eq!(fault_of(&producer).await, Some(Fault::Permanent));
    // librdkafka asks about the topic anew before it sends again.
    while let Some(fault) = fault_of(&producer).await {
        assert_eq!(fault, Fault::Permanent);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_request_without_an_answer_may_have_been_written() {
    let (mock, cluster) = mock();
    let producer = producer(&cluster, DELIVERY);
    assert_eq!(fault_of(&producer).await, None);
    mock.broker_round_trip_time(-1, Duration::from_secs(60)).unwrap();
    assert_eq!(fault_of(&producer).await, Some(Fault::Unknown));
}

/// How long a send takes at most is promised, and its callers' deadlines are set by it.
#[tokio::test]
async fn a_send_is_decided_within_what_was_promised() {
    let (mock, cluster) = mock();
    let config = KafkaProducerConfig::new()
        // So that a turn of the producer's clock is a little longer than it serves librdkafka at once.
        .with_delivery_timeout(Duration::from_millis(2_100))
        .with_queue_timeout(Duration::ZERO);
    let producer = KafkaProducer::new(&cluster, &config).unwrap();
    assert_eq!(fault_of(&producer).await, None);
    mock.broker_round_trip_time(-1, Duration::from_secs(60)).unwrap();

    let promised = producer.decided_within().unwrap();
    // What a machine with much to do may add.
    let slack = Duration::from_millis(500);
    let fault = tokio::time::timeout(promised + slack, fault_of(&producer)).await.expect("it is decided");
    assert!(matches!(fault, Some(Fault::Transient { .. } | Fault::Unknown)), "{fault:?}");
}

/// A broker that is shutting down answers so after it has appended the batch.
#[tokio::test]
async fn no_leader_is_no_proof_that_nothing_was_written() {
    let (mock, cluster) = mock();
    let producer = producer(&cluster, DELIVERY);
    assert_eq!(fault_of(&producer).await, None);
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 1_000],
    );
    assert_eq!(fault_of(&producer).await, Some(Fault::Unknown));
}

#[tokio::test]
async fn a_broker_that_went_away_wrote_nothing_and_is_found_again() {
    let (mock, cluster) = mock();
    let producer = producer(&cluster, DELIVERY);
    let health = producer.health();
    assert_eq!(fault_of(&producer).await, None);
    assert!(health.is_connected());

    mock.broker_down(-1).unwrap();
    while health.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fault_of(&producer).await, Some(Fault::Transient { retry_after: None }));

    // Nothing is sent meanwhile: the producer looks by itself.
    mock.broker_up(-1).unwrap();
    while !health.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fault_of(&producer).await, None);
}

/// A record that a broker may have is late, and with it all that waits is given up.
#[tokio::test]
async fn what_is_given_up_beside_a_late_record_is_transient_and_the_producer_goes_on() {
    let (mock, cluster) = mock();
    let producer = Arc::new(producer(&cluster, DELIVERY));
    let health = producer.health();
    let send = || {
        let producer = Arc::clone(&producer);
        tokio::spawn(async move { producer.send(record()).await })
    };
    assert_eq!(fault_of(&producer).await, None);
    // The broker takes it and hangs up: from then on it may have it.
    let hangs_up = [RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT; 1_000];
    mock.request_errors(RDKafkaApiKey::Produce, &hangs_up);
    let first = send();
    while health.is_connected() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    mock.broker_down(-1).unwrap();
    while health.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let mut later = Vec::new();
    while !first.is_finished() {
        later.push(send());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(first.await.unwrap().unwrap_err().fault(), Fault::Unknown);
    let mut given_up = 0;
    for send in later {
        let error = send.await.unwrap().unwrap_err();
        assert_eq!(error.fault(), Fault::Transient { retry_after: None }, "{}", error.chain());
        given_up += usize::from(error.chain().contains("PurgeQueue"));
    }
    assert!(given_up > 0, "none was given up");

    mock.clear_request_errors(RDKafkaApiKey::Produce);
    mock.broker_up(-1).unwrap();
    while !health.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fault_of(&producer).await, None);
}

/// The first is still undecided when the second would go out by another client, and could be appended behind it.
#[tokio::test]
async fn records_of_one_call_pass_none_that_is_late() {
    let (mock, cluster) = mock();
    let config = KafkaProducerConfig::new()
        .with_delivery_timeout(DELIVERY)
        .with_queue_records(1)
        .with_queue_timeout(Duration::from_secs(60));
    let producer = KafkaProducer::new(&cluster, &config).unwrap();
    assert_eq!(fault_of(&producer).await, None);
    mock.broker_round_trip_time(-1, Duration::from_secs(60)).unwrap();

    let mut results = producer.send_all(vec![record(), record()]).await;
    let second = results.pop().unwrap().unwrap_err();
    assert_eq!(second.fault(), Fault::Transient { retry_after: None });
    assert!(second.chain().contains("another client"), "{}", second.chain());
    assert_eq!(results.pop().unwrap().unwrap_err().fault(), Fault::Unknown);

    // By themselves they go on.
    mock.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    while fault_of(&producer).await.is_some() {}
}

#[tokio::test]
async fn a_producer_that_lost_its_identity_is_fatal_and_stays_so() {
    let (mock, cluster) = mock();
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 5];
    mock.request_errors(RDKafkaApiKey::InitProducerId, &errors);
    let producer = producer(&cluster, Duration::from_secs(30));
    // What was queued by then may have been sent, as far as one can tell.
    let first = fault_of(&producer).await;
    assert!(matches!(first, Some(Fault::Unknown | Fault::Fatal)), "{first:?}");
    for _ in 0..2 {
        let error = producer.send(record()).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Fatal, "{}", error.chain());
        assert!(error.chain().contains("uthoriz"), "{}", error.chain());
    }
    while !producer.health().has_ended() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!producer.health().is_connected());
}

/// librdkafka throws out its queue when it fails for good. What comes back to it later stays, and grows too old.
#[tokio::test]
async fn no_client_takes_over_from_one_that_failed_for_good() {
    let mock = MockCluster::new(2).expect("a mock");
    mock.create_topic(TOPIC, 2, 1).expect("a topic");
    for partition in 0..2 {
        mock.partition_leader(TOPIC, partition, Some(partition + 1)).unwrap();
    }
    let producer = Arc::new(producer(&KafkaConfig::new(mock.bootstrap_servers()), DELIVERY));
    let mut keys = [None, None];
    for number in 0.. {
        let key = number.to_string();
        let receipt = producer.send(record().with_key(key.clone())).await.unwrap();
        keys[usize::try_from(receipt.partition).unwrap()] = Some(key);
        if keys.iter().all(Option::is_some) {
            break;
        }
    }
    let send = |partition: usize| {
        let (producer, key) = (Arc::clone(&producer), keys[partition].clone().unwrap());
        tokio::spawn(async move { producer.send(record().with_key(key)).await })
    };

    // One is under way to the second broker when the first has the producer fail.
    mock.broker_round_trip_time(2, Duration::from_secs(60)).unwrap();
    let late = send(1);
    for _ in 0..10 {
        assert_eq!(send(0).await.unwrap().unwrap().partition, 0);
    }
    let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER];
    mock.request_errors(RDKafkaApiKey::Produce, &lost);
    assert_eq!(send(0).await.unwrap().unwrap_err().fault(), Fault::Unknown);
    assert_eq!(send(0).await.unwrap().unwrap_err().fault(), Fault::Fatal);
    assert!(!late.is_finished());
    mock.broker_down(2).unwrap();

    let late = late.await.unwrap().unwrap_err();
    assert_eq!(late.fault(), Fault::Unknown, "{}", late.chain());
    let next = send(0).await.unwrap();
    assert_eq!(next.unwrap_err().fault(), Fault::Fatal);
}
