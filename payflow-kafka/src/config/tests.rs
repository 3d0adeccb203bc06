use std::time::Duration;

use payflow_core::RebalanceProtocol;

use super::*;

const SECRET: &str = "hunter2-hunter2";

fn shared() -> KafkaConfig {
    KafkaConfig::new("kafka-1:9092,kafka-2:9092")
}

#[test]
fn no_secret_is_ever_shown() {
    let config = shared()
        .with_security(KafkaSecurity::sasl_plain("payments", SECRET))
        .with_property("client.rack", SECRET)
        .unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(shown.contains("payments") && shown.contains("client.rack"), "{shown}");

    for key in [
        "sasl.password",
        "sasl.mechanism",
        "ssl.key.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
        "socket.timeout.ms",
        "no.such.property",
        "acks",
    ] {
        // What is refused, and what is taken and shown, name the key at most.
        let told = match shared().with_property(key, SECRET) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(told.contains(key) && !told.contains(SECRET), "{told}");
    }
}

#[test]
fn a_refused_client_is_told_without_its_secret() {
    let mut native = ClientConfig::new();
    native.set("sasl.password", SECRET).set("socket.timeout.ms", SECRET);
    let refused = native.create_native_config().err().unwrap();
    let error = crate::error::create("create producer", refused);
    assert!(error.chain().contains("socket.timeout.ms"), "{}", error.chain());
    assert!(!format!("{error:?} {}", error.chain()).contains(SECRET));
}

#[test]
fn a_login_is_complete() {
    for security in [
        KafkaSecurity::sasl_plain("", SECRET),
        KafkaSecurity::sasl_plain("payments", ""),
        KafkaSecurity::sasl_plain("payments", "with\0nul"),
    ] {
        let error = shared().with_security(security).client_config().unwrap_err();
        assert_eq!(error.setting(), "security");
    }
    let config =
        shared().with_security(KafkaSecurity::sasl_plain("payments", SECRET)).client_config().unwrap();
    assert_eq!(config.get("security.protocol"), Some("sasl_plaintext"));
    assert_eq!(config.get("sasl.mechanism"), Some("PLAIN"));
    assert_eq!(config.get("sasl.password"), Some(SECRET));
    assert_eq!(shared().client_config().unwrap().get("security.protocol"), Some("plaintext"));
}

#[test]
fn properties_that_break_a_promise_are_refused_under_every_name() {
    for (key, value) in [
        ("enable.auto.commit", "true"),
        ("auto.commit.enable", "true"),
        ("enable.auto.offset.store", "true"),
        ("enable.idempotence", "false"),
        ("enable.partition.eof", "true"),
        ("acks", "1"),
        ("request.required.acks", "1"),
        ("group.id", "other"),
        ("auto.offset.reset", "latest"),
        ("isolation.level", "read_uncommitted"),
        ("check.crcs", "false"),
        ("message.timeout.ms", "0"),
        ("delivery.timeout.ms", "0"),
        ("partitioner", "consistent"),
        ("partition.assignment.strategy", "range"),
        ("max.in.flight", "6"),
        ("max.in.flight.requests.per.connection", "6"),
        ("transactional.id", "x"),
        ("group.protocol", "consumer"),
        ("enable.gapless.guarantee", "true"),
        ("retries", "0"),
        ("message.send.max.retries", "0"),
        ("linger.ms", "5"),
        ("queue.buffering.max.ms", "5"),
        ("queue.buffering.max.messages", "1"),
        ("queue.buffering.max.kbytes", "1"),
        ("allow.auto.create.topics", "true"),
        ("bootstrap.servers", "other:9092"),
        ("metadata.broker.list", "other:9092"),
        ("security.protocol", "plaintext"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "other"),
        ("test.mock.num.brokers", "1"),
        ("dr_msg_cb", "1"),
    ] {
        let error = shared().with_property(key, value).unwrap_err();
        assert_eq!(error.setting(), key);
        let reason = error.to_string();
        let remedy = ["leave it out", "use ", "set ", "give "].iter().any(|word| reason.contains(word));
        assert!(remedy, "{reason}");
    }
}

#[test]
fn unknown_properties_and_values_are_refused_by_name() {
    for (key, value) in [("no.such.property", "1"), ("socket.timeout.ms", "soon"), ("", ""), ("a\0b", "1")] {
        assert_eq!(shared().with_property(key, value).unwrap_err().setting(), key);
    }
}

#[test]
fn a_property_tunes_what_is_not_promised() {
    let config = shared()
        .with_property("fetch.wait.max.ms", "7")
        .unwrap()
        .with_property("reconnect.backoff.max.ms", "2000")
        .unwrap()
        .with_property("batch.num.messages", "100")
        .unwrap();
    let consumer = KafkaConsumerConfig::new("g").client_config(&config).unwrap();
    assert_eq!(consumer.get("fetch.wait.max.ms"), Some("7"));
    assert_eq!(consumer.get("reconnect.backoff.max.ms"), Some("2000"));
    assert_eq!(consumer.get("fetch.queue.backoff.ms"), Some("10"));
    assert_eq!(consumer.get("topic.metadata.refresh.interval.ms"), Some("60000"));
    let producer = KafkaProducerConfig::new().client_config(&config).unwrap();
    assert_eq!(producer.get("batch.num.messages"), Some("100"));
}

#[test]
fn a_broker_that_hangs_is_given_half_of_the_time_that_a_record_has() {
    let told = |delivery: Duration, config: &KafkaConfig| {
        let config =
            KafkaProducerConfig::new().with_delivery_timeout(delivery).client_config(config).unwrap();
        config.get("socket.timeout.ms").unwrap().to_owned()
    };
    assert_eq!(told(Duration::from_secs(8), &shared()), "3750");
    assert_eq!(told(Duration::from_millis(500), &shared()), "500");
    assert_eq!(told(Duration::from_secs(3_600), &shared()), "60000");
    let own = shared().with_property("socket.timeout.ms", "9000").unwrap();
    assert_eq!(told(Duration::from_secs(8), &own), "9000");
}

#[test]
fn librdkafka_takes_every_setting_by_default_and_at_the_bounds() {
    let producers = [
        KafkaProducerConfig::new(),
        KafkaProducerConfig::new()
            .with_delivery_timeout(Duration::from_millis(500))
            .with_queue_timeout(Duration::ZERO)
            .with_queue_records(1)
            .with_queue_bytes(1024 * 1024)
            .with_batch_bytes(1024)
            .with_max_in_flight(5)
            .with_partitioner(Partitioner::Fnv1aRandom),
        KafkaProducerConfig::new()
            .with_delivery_timeout(Duration::from_secs(3_600))
            .with_queue_timeout(Duration::from_secs(3_600))
            .with_queue_records(10_000_000)
            .with_queue_bytes(1024 * 1024 * 1024)
            .with_batch_bytes(16 * 1024 * 1024)
            .with_linger(Duration::from_secs(800))
            .with_compression(Compression::Lz4),
    ];
    for config in producers {
        config.client_config(&shared()).unwrap().create::<rdkafka::producer::BaseProducer>().unwrap();
    }
    let consumers = [
        KafkaConsumerConfig::new("g"),
        KafkaConsumerConfig::new("g")
            .with_protocol(RebalanceProtocol::Eager)
            .with_session_timeout(Duration::from_secs(1))
            .with_max_poll_interval(Duration::from_secs(1))
            .with_revoke_drain(Duration::from_millis(499))
            .with_buffer_bytes_max(4 * 1024 * 1024),
        KafkaConsumerConfig::new("g")
            .with_session_timeout(Duration::from_secs(3_600))
            .with_max_poll_interval(Duration::from_secs(86_400))
            .with_buffer_bytes_max(2 * 1024 * 1024 * 1024),
    ];
    for config in consumers {
        config.client_config(&shared()).unwrap().create::<rdkafka::consumer::BaseConsumer>().unwrap();
    }
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let second = Duration::from_secs(1);
    let new = KafkaProducerConfig::new;
    for (config, setting) in [
        (new().with_delivery_timeout(Duration::ZERO), "delivery_timeout"),
        (new().with_delivery_timeout(Duration::MAX), "delivery_timeout"),
        (new().with_queue_timeout(Duration::MAX), "queue_timeout"),
        (new().with_queue_records(0), "queue_records"),
        (new().with_queue_records(usize::MAX), "queue_records"),
        (new().with_queue_bytes(1), "queue_bytes"),
        (new().with_queue_bytes(usize::MAX), "queue_bytes"),
        (new().with_batch_bytes(1), "batch_bytes"),
        (new().with_batch_bytes(usize::MAX), "batch_bytes"),
        (new().with_linger(Duration::from_micros(1)), "linger"),
        (new().with_linger(2 * second), "linger"),
        (new().with_max_in_flight(0), "max_in_flight"),
        (new().with_max_in_flight(6), "max_in_flight"),
    ] {
        assert_eq!(config.client_config(&shared()).unwrap_err().setting(), setting);
    }
    let new = || KafkaConsumerConfig::new("g");
    for (config, setting) in [
        (KafkaConsumerConfig::new(""), "group"),
        (new().with_session_timeout(Duration::ZERO), "session_timeout"),
        (new().with_session_timeout(301 * second), "session_timeout"),
        (new().with_max_poll_interval(Duration::MAX), "max_poll_interval"),
        (new().with_revoke_drain(150 * second), "revoke_drain"),
        (new().with_revoke_drain(Duration::ZERO), "revoke_drain"),
        (new().with_buffer_bytes_max(4 * 1024 * 1024 - 1), "buffer_bytes_max"),
        (new().with_buffer_bytes_max(usize::MAX), "buffer_bytes_max"),
    ] {
        assert_eq!(config.client_config(&shared()).unwrap_err().setting(), setting);
    }
    let below_half = new().with_revoke_drain(150 * second - Duration::from_nanos(1));
    assert!(below_half.client_config(&shared()).is_ok());
    let unnamed = shared().with_client_id("").client_config().unwrap_err();
    assert_eq!(unnamed.setting(), "client_id");
    assert_eq!(KafkaConfig::new("").client_config().unwrap_err().setting(), "brokers");
}

#[test]
fn properties_are_held_against_the_settings_that_they_stand_beside() {
    const FETCH: u64 = 1024 * 1024;
    let consumer = KafkaConsumerConfig::new("g")
        .with_session_timeout(Duration::from_secs(9))
        .with_buffer_bytes_max(4 * 1024 * 1024);
    let told = |key: &str, value: u64| {
        let config = shared().with_property(key, &value.to_string()).unwrap();
        consumer.client_config(&config)
    };
    for (key, fits, does_not) in [
        ("heartbeat.interval.ms", 3_000, 3_001),
        ("fetch.min.bytes", FETCH, FETCH + 1),
        ("message.max.bytes", FETCH, FETCH + 1),
        ("receive.message.max.bytes", FETCH + 512, FETCH + 511),
    ] {
        // librdkafka's own check agrees.
        told(key, fits).unwrap().create::<rdkafka::consumer::BaseConsumer>().unwrap();
        let refused = told(key, does_not).unwrap_err();
        assert_eq!(refused.setting(), key);
        let text = refused.to_string();
        assert!(text.contains("session_timeout") || text.contains("buffer_bytes_max"), "{text}");
    }
    let producer = shared().with_property("message.max.bytes", "16777216").unwrap();
    assert!(KafkaProducerConfig::new().client_config(&producer).is_ok(), "it is a consumer that cannot");
}

#[test]
fn what_a_fetch_brings_is_within_the_bound_on_bytes_and_a_pipeline_is_told_both() {
    for buffer_bytes_max in [4 * 1024 * 1024, 64 * 1024 * 1024, 2 * 1024 * 1024 * 1024] {
        let config = KafkaConsumerConfig::new("g").with_buffer_bytes_max(buffer_bytes_max);
        let native = config.client_config(&shared()).unwrap();
        let bytes = |key| native.get(key).unwrap().parse::<usize>().unwrap();
        assert!(bytes("queued.max.messages.kbytes") * 1024 <= buffer_bytes_max / 4);
        assert!(bytes("fetch.max.bytes") <= buffer_bytes_max / 4);
        assert!(bytes("fetch.message.max.bytes") <= bytes("fetch.max.bytes"));

        let limits = config.limits();
        assert_eq!(limits.fetch_bytes(), Some(bytes("fetch.message.max.bytes")));
        assert_eq!(limits.held_bytes(), Some(buffer_bytes_max));
    }
}
