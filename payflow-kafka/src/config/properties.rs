//! librdkafka's own properties: which are passed through, and why others are not.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::InvalidKafkaConfig;

/// The name under which a property is kept, if it may be set to `value`.
pub(super) fn accept<'a>(key: &'a str, value: &str) -> Result<&'a str, InvalidKafkaConfig> {
    let refuse = |reason: String| Err(InvalidKafkaConfig::new(key.to_owned(), reason));
    // An alias and its property are one setting: kept under two names, either could win.
    let name = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, name)| name);
    if let Some((_, setter)) = BY_SETTER.iter().find(|(refused, _)| *refused == name) {
        return refuse(format!("is no property to pass through: use {setter}"));
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return refuse(format!("may not be set: {reason}"));
    }
    if name.ends_with("_cb") || name.starts_with("test.") {
        return refuse("may not be set: it is for librdkafka's own code and tests; leave it out".to_owned());
    }

    let mut config = ClientConfig::new();
    config.set(name, value);
    match config.create_native_config() {
        Ok(_) => Ok(name),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            refuse("is no property of librdkafka: see its CONFIGURATION.md for the names".to_owned())
        }
        // librdkafka's text is left out: it holds the value, which may be a secret.
        Err(_) => refuse(
            "has a value that librdkafka does not take: see its CONFIGURATION.md for the range, and whether it needs \
             the feature `tls`"
                .to_owned(),
        ),
    }
}

/// Names that librdkafka takes for another.
const ALIASES: &[(&str, &str)] = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("linger.ms", "queue.buffering.max.ms"),
    ("retries", "message.send.max.retries"),
    ("compression.type", "compression.codec"),
    ("request.required.acks", "acks"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("auto.commit.enable", "enable.auto.commit"),
];

/// What has a setter of its own, which knows the bounds.
const BY_SETTER: &[(&str, &str)] = &[
    ("bootstrap.servers", "KafkaConfig::new"),
    ("client.id", "KafkaConfig::with_client_id"),
    ("security.protocol", "KafkaConfig::with_security"),
    ("sasl.mechanism", "KafkaConfig::with_security"),
    ("sasl.username", "KafkaConfig::with_security"),
    ("sasl.password", "KafkaConfig::with_security"),
    ("ssl.ca.location", "KafkaConfig::with_security and KafkaTls"),
    ("ssl.certificate.location", "KafkaConfig::with_security and KafkaTls"),
    ("ssl.key.location", "KafkaConfig::with_security and KafkaTls"),
    ("ssl.key.password", "KafkaConfig::with_security and KafkaTls"),
    ("partitioner", "KafkaProducerConfig::with_partitioner"),
    ("compression.codec", "KafkaProducerConfig::with_compression"),
    ("message.timeout.ms", "KafkaProducerConfig::with_delivery_timeout"),
    ("queue.buffering.max.messages", "KafkaProducerConfig::with_queue_records"),
    ("queue.buffering.max.kbytes", "KafkaProducerConfig::with_queue_bytes"),
    ("batch.size", "KafkaProducerConfig::with_batch_bytes"),
    ("queue.buffering.max.ms", "KafkaProducerConfig::with_linger"),
    ("max.in.flight.requests.per.connection", "KafkaProducerConfig::with_max_in_flight"),
    ("group.id", "KafkaConsumerConfig::new"),
    ("partition.assignment.strategy", "KafkaConsumerConfig::with_protocol"),
    ("session.timeout.ms", "KafkaConsumerConfig::with_session_timeout"),
    ("max.poll.interval.ms", "KafkaConsumerConfig::with_max_poll_interval"),
    ("queued.max.messages.kbytes", "KafkaConsumerConfig::with_buffer_bytes_max"),
    ("fetch.max.bytes", "KafkaConsumerConfig::with_buffer_bytes_max"),
    ("fetch.message.max.bytes", "KafkaConsumerConfig::with_buffer_bytes_max"),
];

/// What would break a promise, with the promise and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("acks", "a receipt means that all in-sync replicas have the record; leave it out, `all` is set"),
    (
        "enable.idempotence",
        "without it a retry can write twice and out of order; leave it out, `true` is set",
    ),
    ("message.send.max.retries", "a send is retried until with_delivery_timeout; set that instead"),
    ("enable.gapless.guarantee", "one record out of time would end the producer; leave it out"),
    ("transactional.id", "transactions cannot cover the notification; leave it out"),
    ("transaction.timeout.ms", "transactions cannot cover the notification; leave it out"),
    ("queuing.strategy", "records of a key must keep their order; leave it out, `fifo` is set"),
    ("msg_order_cmp", "records of a key must keep their order; leave it out"),
    ("produce.offset.report", "a receipt tells the offset; leave it out"),
    ("delivery.report.only.error", "a send resolves by its report; leave it out"),
    ("allow.auto.create.topics", "a mistyped topic would be created; use KafkaTopics::ensure"),
    ("enable.auto.commit", "the engine commits what is finished; leave it out, `false` is set"),
    ("auto.commit.interval.ms", "the engine commits; use PipelineConfig::with_commit_interval"),
    (
        "enable.auto.offset.store",
        "an offset is stored when all below is finished; leave it out, `false` is set",
    ),
    ("offset.store.method", "offsets are kept by the broker, with the group; leave it out"),
    ("offset.store.path", "offsets are kept by the broker, with the group; leave it out"),
    ("offset.store.sync.interval.ms", "offsets are kept by the broker, with the group; leave it out"),
    ("auto.offset.reset", "anything but `earliest` skips records in silence; leave it out"),
    ("enable.partition.eof", "with it a paused partition can skip a record; leave it out, `false` is set"),
    (
        "isolation.level",
        "records of an aborted transaction must not be handled; leave it out, `read_committed` is set",
    ),
    ("check.crcs", "a damaged record must not be handled; leave it out, `true` is set"),
    ("group.protocol", "the consumer answers rebalances of the classic protocol alone; leave it out"),
    ("group.protocol.type", "a consumer group is of the type `consumer`; leave it out"),
    ("group.remote.assignor", "the consumer answers rebalances of the classic protocol alone; leave it out"),
    ("consume.callback.max.messages", "records are read in batches, without callbacks; leave it out"),
    (
        "enable.ssl.certificate.verification",
        "anyone could pose as a broker; give the authorities by KafkaTls",
    ),
    (
        "ssl.endpoint.identification.algorithm",
        "anyone with some certificate could pose as a broker; leave it out",
    ),
    ("topic.blacklist", "the topics of a client are those it is given; leave it out"),
    ("plugin.library.paths", "it loads foreign code into the program; leave it out"),
    ("interceptors", "it is a pointer of librdkafka's; leave it out"),
    ("opaque", "it is a pointer of the adapter's; leave it out"),
    ("default_topic_conf", "it is a pointer of librdkafka's; leave it out"),
    ("ssl_engine_callback_data", "it is a pointer of librdkafka's; leave it out"),
    ("ssl_key", "it is a pointer of librdkafka's; use `ssl.key.pem`"),
    ("ssl_certificate", "it is a pointer of librdkafka's; use `ssl.certificate.pem`"),
    ("ssl_ca", "it is a pointer of librdkafka's; use `ssl.ca.pem`"),
    ("enabled_events", "the adapter asks for the events that it serves; leave it out"),
    ("internal.termination.signal", "signals belong to the program; leave it out"),
    ("builtin.features", "it tells what was built in; leave it out"),
    ("log_level", "the filter of `tracing` decides; set it for the target `payflow_kafka::librdkafka`"),
    ("log.queue", "log lines go to `tracing`; leave it out"),
    ("statistics.interval.ms", "nothing reads the statistics; leave it out"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_tables_is_one_of_librdkafka() {
        let names = ALIASES.iter().flat_map(|(alias, name)| [alias, name]);
        for name in names.chain(BY_SETTER.iter().chain(REFUSED).map(|(name, _)| name)) {
            let mut config = ClientConfig::new();
            // Not every one takes this value, nor is built in; an unknown one is told apart.
            let set = config.set(*name, "1").create_native_config();
            let unknown =
                matches!(set, Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)));
            assert!(!unknown, "{name}");
        }
    }
}
