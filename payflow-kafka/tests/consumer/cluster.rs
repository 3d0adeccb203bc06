//! A topic and a group of a test's own, and what is asked of them past payflow.

use std::time::Duration;

use payflow_core::{Consumer as _, Delivery, Inbound, Room, Topic};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig, KafkaTopics};
use payflow_testkit::conformance::fresh_name;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

pub(crate) const ROOM: Room = Room { records: 1_000, bytes: 1 << 20, first_may_exceed: true };

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Cluster {
    pub(crate) brokers: String,
    pub(crate) topic: Topic,
    pub(crate) group: String,
}

impl Cluster {
    pub(crate) async fn with_partitions(partitions: i32) -> Self {
        let brokers = std::env::var("PAYFLOW_TEST_BROKERS")
            .expect("PAYFLOW_TEST_BROKERS names the broker: cargo xtask test starts one and sets it");
        Self::on(brokers, partitions).await
    }

    pub(crate) async fn on(brokers: String, partitions: i32) -> Self {
        let topic = Topic::parse(&fresh_name("consumer")).expect("a fresh name is a topic's name");
        let cluster = Self { brokers, topic, group: fresh_name("group") };
        // And waits for its leaders: a member that joins before a broker knows the topic looks again after minutes.
        let topics = KafkaTopics::new(&KafkaConfig::new(&cluster.brokers)).expect("the settings are good");
        let topics = topics.with_timeout(PATIENCE);
        let new = payflow_kafka::NewTopic::new(&cluster.topic).with_partitions(partitions);
        topics.ensure(&[new]).await.expect("the broker answers");
        cluster
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        self.consumer_with(KafkaConsumerConfig::new(&self.group))
    }

    pub(crate) fn consumer_with(&self, config: KafkaConsumerConfig) -> KafkaConsumer {
        let topics = std::slice::from_ref(&self.topic);
        let cluster = KafkaConfig::new(&self.brokers).with_property("heartbeat.interval.ms", "300");
        let cluster = cluster.expect("librdkafka knows the property");
        KafkaConsumer::new(&cluster, &config, topics).expect("the settings are good")
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.native().create().expect("the settings are good")
    }

    pub(crate) fn native(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(crate) fn producer(&self) -> FutureProducer {
        self.native().set("linger.ms", "0").create().expect("the settings are good")
    }

    pub(crate) async fn send(&self, producer: &FutureProducer, partition: i32, values: std::ops::Range<u32>) {
        for value in values {
            let value = value.to_string();
            let record: FutureRecord<'_, str, str> =
                FutureRecord::to(self.topic.as_str()).partition(partition).payload(&value);
            producer.send(record, PATIENCE).await.expect("the broker takes it");
        }
    }

    /// Sends records 0 and on, many at once.
    pub(crate) async fn send_all(&self, partition: i32, records: u32) {
        let producer: FutureProducer = self.native().create().expect("the settings are good");
        let sends = (0..records).map(|value| {
            let (producer, topic, value) = (&producer, self.topic.as_str(), value.to_string());
            async move {
                let record: FutureRecord<'_, str, str> =
                    FutureRecord::to(topic).partition(partition).payload(&value);
                producer.send(record, PATIENCE).await.expect("the broker takes it");
            }
        });
        futures_util::future::join_all(sends).await;
    }

    /// Writes records that are taken back. The broker writes the marker that says so a little later.
    pub(crate) async fn abort(&self, partition: i32, records: u32) {
        let native = self.native().set("transactional.id", self.group.as_str()).clone();
        let topic = self.topic.clone();
        // The calls block.
        let aborting = tokio::task::spawn_blocking(move || {
            let producer: BaseProducer = native.create().expect("the settings are good");
            producer.init_transactions(PATIENCE).expect("the broker answers");
            producer.begin_transaction().expect("one may begin");
            for _ in 0..records {
                let record: BaseRecord<'_, str, str> =
                    BaseRecord::to(topic.as_str()).partition(partition).payload("aborted");
                producer.send(record).map_err(|(error, _)| error).expect("there is room");
            }
            producer.flush(PATIENCE).expect("the broker takes them");
            producer.abort_transaction(PATIENCE).expect("the transaction aborts");
        });
        aborting.await.expect("nothing panics");
    }

    pub(crate) async fn delete_before(&self, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.topic.as_str(), partition, Offset::Offset(offset))
            .expect("it is an offset");
        self.admin().delete_records(&list, &options()).await.expect("the broker deletes");
    }

    /// Deletes the topic, and makes it anew with one partition.
    pub(crate) async fn make_topic_again(&self) {
        let admin = self.admin();
        admin.delete_topics(&[self.topic.as_str()], &options()).await.expect("the broker answers");
        let again = async {
            loop {
                let new = NewTopic::new(self.topic.as_str(), 1, TopicReplication::Fixed(1));
                let created = admin.create_topics([&new], &options()).await.expect("the broker answers");
                if created.iter().all(Result::is_ok) {
                    return;
                }
                // It is being deleted still.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, again).await.expect("a deleted topic can be made again");
    }

    /// Commits for the group by another client.
    pub(crate) async fn commit_elsewhere(&self, partition: i32, offset: i64) {
        self.commit_elsewhere_with(partition, offset, "").await;
    }

    /// Commits for the group by another client, which writes something beside the offset.
    pub(crate) async fn commit_elsewhere_with(&self, partition: i32, offset: i64, metadata: &str) {
        let metadata = metadata.to_owned();
        let (native, topic) = (self.native().set("group.id", &self.group).clone(), self.topic.clone());
        let committing = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = native.create().expect("the settings are good");
            let mut list = TopicPartitionList::new();
            let mut added = list.add_partition(topic.as_str(), partition);
            added.set_offset(Offset::Offset(offset)).expect("it is an offset");
            added.set_metadata(metadata);
            consumer.commit(&list, CommitMode::Sync).expect("the broker takes it");
        });
        committing.await.expect("nothing panics");
    }

    /// What the group has committed, as another client sees it.
    pub(crate) async fn committed(&self, partition: i32) -> Option<i64> {
        let (native, topic) = (self.native().set("group.id", &self.group).clone(), self.topic.clone());
        tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = native.create().expect("the settings are good");
            let mut list = TopicPartitionList::new();
            list.add_partition(topic.as_str(), partition);
            let committed = consumer.committed_offsets(list, PATIENCE).expect("the broker answers");
            let found = committed.find_partition(topic.as_str(), partition)?.offset();
            found.to_raw().filter(|offset| *offset >= 0)
        })
        .await
        .expect("nothing panics")
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE))
}

/// Receives until `enough` says so, finishing nothing.
pub(crate) async fn receive_until(
    consumer: &mut KafkaConsumer,
    mut enough: impl FnMut(&Inbound) -> bool,
) -> Inbound {
    let mut inbound = Inbound::default();
    let receiving = async {
        while !enough(&inbound) {
            consumer.receive(&mut inbound, ROOM).await.expect("the consumer works");
        }
    };
    if tokio::time::timeout(PATIENCE, receiving).await.is_err() {
        panic!("nothing more came after {inbound:?}");
    }
    inbound
}

pub(crate) async fn receive(consumer: &mut KafkaConsumer, records: usize) -> Vec<Delivery> {
    receive_until(consumer, |inbound| inbound.deliveries.len() >= records)
        .await
        .deliveries
        .into_iter()
        .collect()
}

pub(crate) fn offsets<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Vec<i64> {
    deliveries.into_iter().map(|delivery| delivery.offset).collect()
}

pub(crate) async fn finish<'a>(
    consumer: &mut KafkaConsumer,
    deliveries: impl IntoIterator<Item = &'a Delivery>,
) {
    let tokens: Vec<_> = deliveries.into_iter().map(|delivery| delivery.token).collect();
    consumer.acknowledge(&tokens, &[]);
    consumer.commit().await.expect("the commit succeeds");
}
