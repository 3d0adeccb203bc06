//! Kafka as the tests see it: by librdkafka alone, so that no part of payflow vouches for another.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// The broker that the tests share.
pub(crate) fn shared_brokers() -> String {
    std::env::var("PAYFLOW_TEST_BROKERS").expect("PAYFLOW_TEST_BROKERS names a broker: run cargo xtask test")
}

/// A name that no other test has, nor an earlier run.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
    format!("{name}-{now}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A cluster, as a test looks at it.
pub(crate) struct Kafka {
    brokers: String,
}

/// A record that was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Read {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl Kafka {
    pub(crate) fn new(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned() }
    }

    pub(crate) fn create_topic(&self, topic: &str, partitions: i32) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let created = block_on(self.admin().create_topics([&new], &AdminOptions::new()));
        created.expect("a broker").into_iter().for_each(|result| drop(result.expect("a new topic")));
        while self.partitions(topic) != partitions {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many partitions a topic has; 0 if there is none of that name.
    pub(crate) fn partitions(&self, topic: &str) -> i32 {
        let consumer = self.consumer();
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("a broker");
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        found.map_or(0, |found| i32::try_from(found.partitions().len()).expect("few"))
    }

    /// A setting of a topic.
    pub(crate) fn topic_setting(&self, topic: &str, name: &str) -> String {
        let resources = [ResourceSpecifier::Topic(topic)];
        let described = block_on(self.admin().describe_configs(&resources, &AdminOptions::new()));
        let described = described.expect("a broker").pop().expect("one").expect("a topic");
        described.get(name).expect("a setting").value.clone().expect("a value")
    }

    /// Writes records, each with a key and a value, and waits until they are durable.
    pub(crate) fn write<'a>(&self, topic: &str, records: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let producer: BaseProducer = self.config().create().expect("a client");
        for (key, value) in records {
            producer
                .send(BaseRecord::to(topic).key(key).payload(value))
                .map_err(|(error, _)| error)
                .expect("room");
        }
        producer.flush(LIMIT).expect("a broker");
    }

    /// All records of a topic as it is now.
    pub(crate) fn read_all(&self, topic: &str) -> Vec<Read> {
        let consumer = self.consumer();
        let mut assignment = TopicPartitionList::new();
        let mut left = 0;
        for partition in 0..self.partitions(topic) {
            let (low, high) = consumer.fetch_watermarks(topic, partition, LIMIT).expect("a broker");
            left += high - low;
            assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&assignment).expect("an assignment");
        let (mut records, start) = (Vec::new(), Instant::now());
        while left > 0 {
            assert!(start.elapsed() < LIMIT, "{left} records of {topic} do not come");
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message.expect("a record");
            records.push(read(&message));
            left -= 1;
        }
        records
    }

    /// What a group has committed of a topic, summed up over the partitions.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> i64 {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().expect("a client");
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, self.partitions(topic) - 1);
        let committed = consumer.committed_offsets(list, LIMIT).expect("a broker");
        let offsets = committed.elements().into_iter().map(|element| element.offset());
        offsets.map(|offset| if let Offset::Offset(offset) = offset { offset } else { 0 }).sum()
    }

    /// Waits until a group has committed so much of a topic.
    pub(crate) fn await_committed(&self, group: &str, topic: &str, records: i64) {
        await_equal(&format!("what {group} has committed of {topic}"), &records, || {
            self.committed(group, topic)
        });
    }

    /// How many partitions each member of a group has, fewest first. Empty while the group is not settled, or
    /// the broker is not ready to tell.
    pub(crate) fn shares(&self, group: &str) -> Vec<usize> {
        let Ok(groups) = self.consumer().fetch_group_list(Some(group), LIMIT) else {
            // A broker that has just started loads what it knows of groups.
            return Vec::new();
        };
        let stable = groups.groups().iter().find(|found| found.name() == group && found.state() == "Stable");
        let members = stable.into_iter().flat_map(|found| found.members());
        let mut shares: Vec<usize> =
            members.map(|member| partitions_in(member.assignment().unwrap_or_default())).collect();
        shares.sort_unstable();
        shares
    }

    /// Waits until the members of a group have these shares.
    pub(crate) fn await_shares(&self, group: &str, shares: &[usize]) {
        await_equal(&format!("the shares of {group}"), shares, || self.shares(group));
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("allow.auto.create.topics", "false");
        config
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = self.config();
        config.set("group.id", "reads-without-a-group").set("enable.auto.commit", "false");
        config.create().expect("a client")
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("a client")
    }
}

/// Looks until what is seen is what is wanted.
fn await_equal<S: PartialEq<W> + Debug, W: ?Sized>(what: &str, wanted: &W, look: impl Fn() -> S) {
    let start = Instant::now();
    loop {
        let seen = look();
        if seen == *wanted {
            return;
        }
        assert!(start.elapsed() < LIMIT, "{what}: still {seen:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The partitions in an assignment of one topic, as members write it: version, count of topics, name, partitions.
fn partitions_in(assignment: &[u8]) -> usize {
    let number = |at: usize| assignment.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let count = || {
        number(2).filter(|topics| *topics == 1)?;
        let name = assignment.get(6..8)?.try_into().ok().map(u16::from_be_bytes)?;
        number(8 + usize::from(name))
    };
    count().map_or(0, |partitions| usize::try_from(partitions).expect("few"))
}

fn read(message: &impl Message) -> Read {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let headers = headers.map(|header| {
        let value = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
        (header.key.to_owned(), value)
    });
    Read {
        partition: message.partition(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.collect(),
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

const LIMIT: Duration = Duration::from_secs(60);
