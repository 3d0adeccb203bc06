//! What is taken, from each source alike.

use payflow_program::Partitioner;
use tracing::Level;

use crate::told::{Everything, Telling, read};

/// What a value becomes, as text, for every source.
#[track_caller]
fn assert_taken(key: &str, value: &str, becomes: &str, found: impl Fn(&Everything) -> String) {
    for telling in Telling::every(key, value) {
        let program = telling.read().unwrap_or_else(|error| panic!("{key} = {value:?}: {error}"));
        assert_eq!(found(&program.settings), becomes, "{}", telling.origin);
        assert_eq!(program.warnings, Vec::<String>::new(), "{}", telling.origin);
    }
}

#[test]
fn address_has_ip_and_port() {
    for (value, becomes) in [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("0.0.0.0:0", "0.0.0.0:0"),
        ("[::1]:9000", "[::1]:9000"),
        (":8080", "0.0.0.0:8080"),
        (":65535", "0.0.0.0:65535"),
    ] {
        assert_taken("http_addr", value, becomes, |settings| settings.http_addr.to_string());
        assert_taken("grpc_addr", value, becomes, |settings| settings.grpc_addr.to_string());
    }
}

#[test]
fn brokers_are_hosts_with_ports() {
    for (value, becomes) in [
        ("localhost:9092", "localhost:9092"),
        ("kafka-1:9092, kafka_2.example:9093", "kafka-1:9092,kafka_2.example:9093"),
        ("[::1]:9092,10.0.0.1:1", "[::1]:9092,10.0.0.1:1"),
    ] {
        assert_taken("kafka_brokers", value, becomes, |settings| {
            settings.kafka_brokers.as_ref().expect("told").to_string()
        });
    }
}

#[test]
fn topics_are_named() {
    assert_taken("topic", "payments.v2", "payments.v2", |settings| settings.topics.topic().to_string());
    assert_taken("dead_letter_topic", "set-aside", "set-aside", |settings| {
        settings.topics.dead_letter_topic().to_string()
    });
}

#[test]
fn dead_letters_follow_the_topic() {
    let topics = |arguments: &[&str]| {
        let topics = read(arguments, &[]).expect("good settings").settings.topics;
        (topics.topic().to_string(), topics.dead_letter_topic().to_string())
    };

    assert_eq!(topics(&[]), ("payment-topic".into(), "payment-topic.dead-letters".into()));
    assert_eq!(topics(&["--topic", "orders"]), ("orders".into(), "orders.dead-letters".into()));
    assert_eq!(topics(&["--dead-letter-topic", "aside"]), ("payment-topic".into(), "aside".into()));
    assert_eq!(topics(&["--topic", "a", "--dead-letter-topic", "b"]), ("a".into(), "b".into()));
}

#[test]
fn group_has_visible_characters() {
    let longest = "g".repeat(255);
    for value in ["g", "notification-service", "team/pay:1", longest.as_str()] {
        assert_taken("group", value, value, |settings| {
            settings.group.as_ref().expect("told").as_str().to_owned()
        });
    }
}

#[test]
fn partitioner_is_one_of_two() {
    for partitioner in [Partitioner::Murmur2Random, Partitioner::Fnv1aRandom] {
        let name = partitioner.as_str();
        assert_taken("partitioner", name, name, |settings| settings.partitioner.as_str().to_owned());
    }
}

#[test]
fn currency_is_in_use() {
    for code in ["EUR", "JPY", "KWD", "CLF"] {
        assert_taken("currency", code, code, |settings| settings.currency.expect("told").code().to_owned());
    }
}

#[test]
fn notify_url_is_http_with_a_host() {
    for value in [
        "http://localhost",
        "http://notify.example:50051",
        "HTTP://notify.example/",
        "http://[::1]",
        "http://[::1]:50051/",
    ] {
        assert_taken("notify_url", value, value, |settings| {
            settings.notify_url.as_ref().expect("told").to_string()
        });
    }
}

#[test]
fn log_is_text_or_json() {
    for (value, becomes) in [("text", "Text"), ("json", "Json")] {
        assert_taken("log", value, becomes, |settings| format!("{:?}", settings.logging.format()));
    }
}

#[test]
fn log_level_is_for_all_or_for_a_module() {
    let logged = |settings: &Everything| {
        let level = settings.logging.level();
        let of = |target: &str| {
            let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
            levels.into_iter().filter(|one| level.logs(target, *one)).count().to_string()
        };
        format!("{} {}", of("payflow_core::pipeline"), of("hyper"))
    };
    for (value, becomes) in [
        ("off", "0 0"),
        ("error", "1 1"),
        ("warn", "2 2"),
        ("INFO", "3 3"),
        ("debug", "4 4"),
        ("trace", "5 5"),
        ("payflow_core=debug", "4 3"),
        ("warn, payflow_core::pipeline=trace", "5 2"),
        ("hyper=off", "3 0"),
    ] {
        assert_taken("log_level", value, becomes, logged);
    }
}
