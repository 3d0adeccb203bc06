//! Topics and groups of a test's own, and what is written to and read from them by librdkafka alone.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use payflow_core::{FinishedBeyond, Topic};
use payflow_kafka::{KafkaConfig, KafkaTopics, NewTopic};
use payflow_proof::{Commit, DeadLetter, Place, Written};
use payflow_testkit::conformance::fresh_name;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::{PATIENCE, look_for, wait_for};

/// A topic, its dead letters, and a group.
pub(crate) struct Cluster {
    pub(crate) brokers: String,
    pub(crate) topic: Topic,
    pub(crate) dead_letters: Topic,
    pub(crate) group: String,
    partitions: AtomicI32,
    /// Looks at what is committed: made once, so that a look takes no longer than the broker.
    looker: OnceLock<BaseConsumer>,
}

/// A record to be written.
#[derive(Debug, Clone)]
pub(crate) struct New {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

/// A record as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) place: Place,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    /// When it was written, since the Unix epoch.
    at: Duration,
}

impl Read {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        Some(std::str::from_utf8(value).expect("payflow's headers are text"))
    }
}

impl Cluster {
    /// On the broker that the tests share.
    pub(crate) fn with_partitions(partitions: i32) -> Self {
        let brokers = std::env::var("PAYFLOW_TEST_BROKERS")
            .expect("PAYFLOW_TEST_BROKERS names the broker: cargo xtask test starts one and sets it");
        Self::on(&brokers, partitions)
    }

    pub(crate) fn on(brokers: &str, partitions: i32) -> Self {
        Self::set_up(brokers, partitions, |topic| topic)
    }

    /// With a topic of another set-up.
    pub(crate) fn set_up(brokers: &str, partitions: i32, set_up: impl FnOnce(NewTopic) -> NewTopic) -> Self {
        let topic = Topic::parse(&fresh_name("proof")).expect("a fresh name is a topic's name");
        let dead_letters = Topic::parse(&format!("{topic}.dead-letters")).expect("as is this one");
        let brokers = brokers.to_owned();
        let cluster = Self {
            brokers,
            group: topic.to_string(),
            topic,
            dead_letters,
            partitions: AtomicI32::new(partitions),
            looker: OnceLock::new(),
        };
        let new = [
            set_up(NewTopic::new(&cluster.topic).with_partitions(partitions)),
            NewTopic::dead_letters(&cluster.dead_letters, &cluster.topic).with_partitions(1),
        ];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let topics = KafkaTopics::new(&cluster.config()).expect("the settings are good");
        let topics = topics.with_timeout(PATIENCE);
        let ensure = || {
            std::thread::scope(|scope| {
                let ensured = scope.spawn(|| runtime.block_on(topics.ensure(&new)));
                ensured.join().expect("nothing panics")
            })
        };
        // A broker may just have begun to listen, or be so busy that the cluster counts it as gone for a moment.
        let mut refused = None;
        let made = look_for(|| ensure().map_err(|error| refused = Some(error)).ok());
        assert!(made.is_some(), "the topics are not made: {refused:?}");
        cluster
    }

    pub(crate) fn config(&self) -> KafkaConfig {
        KafkaConfig::new(&self.brokers)
    }

    /// Writes records, and waits until they are durable.
    pub(crate) fn write(&self, records: &[New]) {
        self.writer().write(records);
    }

    /// Writes records again and again.
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer {
            producer: self.native().set("linger.ms", "5").create().expect("good settings"),
            cluster: self,
        }
    }

    /// All records of the topic.
    pub(crate) fn read(&self) -> Vec<Read> {
        self.read_all(&self.topic)
    }

    /// All records of the topic, for the judge.
    pub(crate) fn written(&self) -> Vec<Written> {
        self.read().into_iter().map(Written::from).collect()
    }

    /// All dead letters, for the judge.
    pub(crate) fn dead(&self) -> Vec<DeadLetter> {
        self.read_all(&self.dead_letters).into_iter().map(DeadLetter::from).collect()
    }

    /// The offsets that the group has committed, by another client.
    pub(crate) fn committed(&self) -> BTreeMap<i32, i64> {
        self.commits().into_iter().map(|(partition, commit)| (partition, commit.offset)).collect()
    }

    /// What the group has committed, with what its metadata says.
    pub(crate) fn commits(&self) -> BTreeMap<i32, Commit> {
        let consumer = self.looker.get_or_init(|| self.reader());
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions.load(Ordering::Relaxed) {
            list.add_partition(self.topic.as_str(), partition);
        }
        let committed = wait_for("answer of the group's coordinator", || {
            // A cluster in which a broker is missed may not know where the coordinator is.
            consumer.committed_offsets(list.clone(), PATIENCE).ok()
        });
        let commit = |element: &TopicPartitionListElem<'_>| {
            let offset = element.offset().to_raw().filter(|offset| *offset >= 0)?;
            let beyond = FinishedBeyond::decode(offset, element.metadata()).expect("payflow wrote it");
            Some((element.partition(), Commit { offset, beyond: beyond.ranges().to_vec() }))
        };
        committed.elements().iter().filter_map(commit).collect()
    }

    /// Adds partitions, up to so many.
    pub(crate) fn add_partitions(&self, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.native().create().expect("good settings");
        let more =
            NewPartitions::new(self.topic.as_str(), usize::try_from(partitions).expect("not negative"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let added = runtime.block_on(admin.create_partitions([&more], &options)).expect("an answer");
        assert!(added.iter().all(Result::is_ok), "{added:?}");
        self.partitions.store(partitions, Ordering::Relaxed);
    }

    fn read_all(&self, topic: &Topic) -> Vec<Read> {
        let (consumer, topic) = (self.reader(), topic.as_str());
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the broker answers");
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        let mut list = TopicPartitionList::new();
        let mut ends = BTreeMap::new();
        for partition in (0..).take(partitions) {
            // A partition that was just made may have no leader yet.
            let ends_of = || consumer.fetch_watermarks(topic, partition, PATIENCE).ok();
            let (low, high) = wait_for("answer about the ends of a partition", ends_of);
            if low < high {
                ends.insert(partition, high);
                list.add_partition_offset(topic, partition, Offset::Beginning).expect("it is an offset");
            }
        }
        consumer.assign(&list).expect("the list is good");
        let mut records = Vec::new();
        while !ends.is_empty() {
            let message = consumer.poll(PATIENCE).expect("a record in time").expect("no error");
            if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
                ends.remove(&message.partition());
            }
            records.push(read(&message));
        }
        records.sort_by_key(|record| record.place);
        records
    }

    pub(crate) fn reader(&self) -> BaseConsumer {
        let mut config = self.native();
        config.set("group.id", &self.group).set("enable.auto.commit", "false").set("fetch.wait.max.ms", "20");
        config.create().expect("the settings are good")
    }

    pub(crate) fn native(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("message.max.bytes", "4000000");
        config
    }
}

/// A client that writes to the topic.
pub(crate) struct Writer<'a> {
    producer: BaseProducer,
    cluster: &'a Cluster,
}

impl Writer<'_> {
    /// Writes records, and waits until they are durable.
    pub(crate) fn write(&self, records: &[New]) {
        for record in records {
            let mut new =
                BaseRecord::<[u8], [u8]>::to(self.cluster.topic.as_str()).partition(record.partition);
            new.key = record.key.as_deref();
            new.payload = record.value.as_deref();
            self.producer.send(new).map_err(|(error, _)| error).expect("the queue has room");
            self.producer.poll(Duration::ZERO);
        }
        // A flush would look only ten times a second.
        let start = Instant::now();
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(1));
            assert!(start.elapsed() < PATIENCE, "the broker takes them");
        }
    }
}

fn read(message: &BorrowedMessage<'_>) -> Read {
    let at = message.timestamp().to_millis();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Read {
        place: Place { partition: message.partition(), offset: message.offset() },
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect(),
        at: Duration::from_millis(at.expect("records have a time").unsigned_abs()),
    }
}

impl From<Read> for Written {
    fn from(read: Read) -> Self {
        let payment = read.header("payflow-payment-id").map(str::to_owned);
        Self { place: read.place, key: read.key, value: read.value, payment, mark: None, at: read.at }
    }
}

impl From<Read> for DeadLetter {
    fn from(read: Read) -> Self {
        let number = |name| read.header(name).expect("a dead letter says where it comes from");
        let source = Place {
            partition: number("payflow-dead-letter-partition").parse().expect("a number"),
            offset: number("payflow-dead-letter-offset").parse().expect("a number"),
        };
        Self { source, key: read.key, value: read.value }
    }
}

/// A good payment, as a service would write it that knows nothing of payflow.
pub(crate) fn payment(partition: i32, key: &str, method: &str) -> New {
    let value = format!(r#"{{"userId":"{key}","amount":49.99,"method":"{method}"}}"#);
    New { partition, key: Some(key.into()), value: Some(value.into()) }
}

/// Good payments, `rounds` for each of `keys` in each partition, in turn.
pub(crate) fn payments(partitions: i32, keys: u32, rounds: u32) -> Vec<New> {
    let partitions = 0..partitions;
    let one = |round: u32, partition: i32, key: u32| {
        // A few fail at first.
        let number = round * 7 + key * 3 + partition.unsigned_abs();
        let method = if number.is_multiple_of(20) { "transient" } else { "card" };
        payment(partition, &format!("u{partition}-{key}"), method)
    };
    let keys = (0..keys).flat_map(|key| partitions.clone().map(move |partition| (partition, key)));
    let keys: Vec<_> = keys.collect();
    (0..rounds)
        .flat_map(|round| keys.iter().map(move |(partition, key)| one(round, *partition, *key)))
        .collect()
}
