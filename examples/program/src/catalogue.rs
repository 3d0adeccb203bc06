//! Every setting that the programs share, each defined once.

use std::net::SocketAddr;

use payflow_core::{Currency, InvalidCurrency, Topic};

use crate::declaration::Declaration;
use crate::logging::{self, LoggingSettings};
use crate::setting::Setting;
use crate::value::{GroupId, KafkaBrokers, NotifyUrl, Partitioner, TopicSettings, parse_address};

/// Where HTTP is served.
pub const HTTP_ADDR: Setting<SocketAddr> =
    Setting::new("http_addr", "Where to serve HTTP", EXPECTED_ADDRESS, parse_address)
        .placeholder("ADDRESS")
        .default("127.0.0.1:8080");

/// Where gRPC is served.
pub const GRPC_ADDR: Setting<SocketAddr> =
    Setting::new("grpc_addr", "Where to serve gRPC", EXPECTED_ADDRESS, parse_address)
        .placeholder("ADDRESS")
        .default("127.0.0.1:50051");

/// Kafka's brokers to begin with; the others are learnt from them.
pub const KAFKA_BROKERS: Setting<KafkaBrokers> = Setting::new(
    "kafka_brokers",
    "Kafka brokers to begin with, separated by commas",
    "hosts and ports separated by commas, such as kafka-1:9092,kafka-2:9092",
    KafkaBrokers::parse,
)
.placeholder("BROKERS");

/// The topic of the payments, for a program that only writes to it. One that also sets records aside takes [`TOPICS`].
pub const TOPIC: Setting<Topic> = Setting::new("topic", "Topic of the payments", EXPECTED_TOPIC, parse_topic)
    .placeholder("TOPIC")
    .default("payment-topic");

/// The topic of the payments, and the one of those that could not be handled.
pub const TOPICS: TopicSettings = TopicSettings::new();

/// Part of [`TOPICS`].
pub(crate) const DEAD_LETTER_TOPIC: Setting<Topic> = Setting::new(
    "dead_letter_topic",
    "Topic of the payments that could not be handled",
    "a topic of its own, such as payment-topic.dead-letters",
    parse_topic,
)
.placeholder("TOPIC")
.derived_default("payment-topic.dead-letters; TOPIC.dead-letters if the topic is another");

/// The consumer group: programs of one group share the partitions.
pub const GROUP: Setting<GroupId> = Setting::new(
    "group",
    "Consumer group; programs of one group share the work",
    "1 to 255 visible ASCII characters, such as notification-service",
    GroupId::parse,
)
.placeholder("GROUP");

/// How the user id picks the partition.
pub const PARTITIONER: Setting<Partitioner> = Setting::new(
    "partitioner",
    "How the user id picks the partition: murmur2_random (as in Java), fnv1a_random (as in kafka-go)",
    "murmur2_random or fnv1a_random",
    Partitioner::parse,
)
.placeholder("NAME")
.default("murmur2_random");

/// The currency of payments that name none. Each program decides whether it has a default.
pub const CURRENCY: Setting<Currency> = Setting::new(
    "currency",
    "Currency of payments that name none",
    "an ISO 4217 code such as EUR",
    parse_currency,
)
.placeholder("CODE");

/// The notification service that notifies. A wrong one may carry a password, so that no message shows it.
pub const NOTIFY_URL: Setting<NotifyUrl> = Setting::new(
    "notify_url",
    "Notification service to send notifications through, over gRPC",
    "the address of a notification service by http://, without user or path, such as http://notify.example:50051",
    NotifyUrl::parse,
)
.placeholder("URL")
.secret();

/// The log: its form and its level.
pub const LOGGING: LoggingSettings = LoggingSettings::new();

/// Every setting above: one file, and one environment, may serve all programs.
pub(crate) const KNOWN: [Declaration; 11] = [
    HTTP_ADDR.declaration(),
    GRPC_ADDR.declaration(),
    KAFKA_BROKERS.declaration(),
    TOPIC.declaration(),
    DEAD_LETTER_TOPIC.declaration(),
    GROUP.declaration(),
    PARTITIONER.declaration(),
    CURRENCY.declaration(),
    NOTIFY_URL.declaration(),
    logging::LOG.declaration(),
    logging::LOG_LEVEL.declaration(),
];

const EXPECTED_ADDRESS: &str =
    "an IP address and a port, such as 127.0.0.1:8080, or :8080 for every IPv4 address of this machine";

const EXPECTED_TOPIC: &str = "1 to 249 letters, digits, '.', '_' or '-', such as payment-topic";

fn parse_topic(text: &str) -> Result<Topic, &'static str> {
    Topic::parse(text).map_err(|_| "is no topic name")
}

fn parse_currency(text: &str) -> Result<Currency, &'static str> {
    Currency::parse(text).map_err(|error| match error {
        InvalidCurrency::Withdrawn => "was withdrawn",
        InvalidCurrency::NoMinorUnit => "has no minor unit, so that no amount in it is exact",
        _ => "is no currency in use, in capital letters",
    })
}
