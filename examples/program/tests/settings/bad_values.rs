//! What is refused, from each source alike, and what is said about it.

use crate::told::{Telling, read, refusal};

/// The message names the setting and where it was told, quotes the value, and says why and what would be right.
#[track_caller]
fn assert_refused(key: &str, value: &str, reason: &str, expected: &str) {
    for telling in Telling::every(key, value) {
        let Err(error) = telling.read() else { panic!("{} takes {value:?}", telling.origin) };
        let message = error.to_string();
        let start = format!("{}: {value:?} {reason}; expected {expected}", telling.origin);
        assert!(message.starts_with(&start), "{message}\ndoes not start with\n{start}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn address_without_ip_or_port() {
    for (value, reason) in [
        ("", "is empty"),
        ("8080", "has no port"),
        ("localhost", "has no port"),
        ("127.0.0.1", "has no port"),
        ("localhost:8080", "is no IP address with a port"),
        ("127.0.0.1:65536", "is no IP address with a port"),
        ("127.0.0.1:8080 ", "is no IP address with a port"),
        ("a::1:8080", "is no IP address with a port"),
        ("http://127.0.0.1:8080", "is a URL"),
        (":", "has no port from 0 to 65535"),
        (":http", "has no port from 0 to 65535"),
        (":+80", "has no port from 0 to 65535"),
        (":65536", "has no port from 0 to 65535"),
    ] {
        for key in ["http_addr", "grpc_addr"] {
            assert_refused(key, value, reason, "an IP address and a port, such as 127.0.0.1:8080");
        }
    }
}

#[test]
fn broker_without_host_or_port() {
    for (value, reason) in [
        ("", "is empty"),
        (",", "has an empty entry"),
        ("kafka:9092,", "has an empty entry"),
        ("kafka", "has an entry without a port"),
        ("a:1,kafka", "has an entry without a port"),
        (":9092", "has an entry without a legal host"),
        ("ka fka:9092", "has an entry without a legal host"),
        ("::1:9092", "has an entry without a legal host"),
        ("[::z]:9092", "has an entry without a legal host"),
        ("kafka:0", "has an entry without a port from 1 to 65535"),
        ("kafka:70000", "has an entry without a port from 1 to 65535"),
        ("kafka:+1", "has an entry without a port from 1 to 65535"),
        ("PLAINTEXT://kafka:9092", "has more than host and port in an entry"),
    ] {
        assert_refused(
            "kafka_brokers",
            value,
            reason,
            "hosts and ports separated by commas, such as kafka-1:9092",
        );
    }
}

#[test]
fn topic_that_is_no_name() {
    for (value, reason) in [
        ("", "is empty"),
        ("payment topic", "is no topic name"),
        ("..", "is no topic name"),
        ("é", "is no topic name"),
    ] {
        assert_refused(
            "topic",
            value,
            reason,
            "1 to 249 letters, digits, '.', '_' or '-', such as payment-topic",
        );
        assert_refused(
            "dead_letter_topic",
            value,
            reason,
            "a topic of its own, such as payment-topic.dead-letters",
        );
    }
}

#[test]
fn dead_letters_on_the_topic_itself() {
    assert_refused("dead_letter_topic", "payment-topic", "is the payments' own topic", "a topic of its own");

    let message = refusal(&["--topic=a"], &[("PAYFLOW_DEAD_LETTER_TOPIC", "a")]);
    assert!(
        message.starts_with("dead_letter_topic (environment variable PAYFLOW_DEAD_LETTER_TOPIC): \"a\""),
        "{message}"
    );
}

#[test]
fn topic_too_long_for_its_dead_letters() {
    let (longest, longer) = ("t".repeat(236), "t".repeat(237));

    assert!(read(&["--topic", &longest], &[]).is_ok());
    let message = refusal(&["--topic", &longer], &[]);
    assert!(message.contains("topic (flag --topic)"), "{message}");
    assert!(
        message.contains("leaves no room for .dead-letters behind it, and dead_letter_topic is not set"),
        "{message}"
    );
    assert!(read(&["--topic", &longer, "--dead-letter-topic", "aside"], &[]).is_ok());
}

#[test]
fn group_with_hidden_characters() {
    for value in ["two words", "tab\t", "naïve", "line\n"] {
        let reason = "has a space, a control character or a letter beyond ASCII";
        assert_refused(
            "group",
            value,
            reason,
            "1 to 255 visible ASCII characters, such as notification-service",
        );
    }
    assert_refused("group", "", "is empty", "1 to 255");
    let message = refusal(&["--group", &"g".repeat(256)], &[]);
    assert!(message.contains("ggg\"… is longer than 255 characters; expected 1 to 255"), "{message}");
    assert!(message.len() < 300, "a long value is cut: {message}");
}

#[test]
fn partitioner_that_is_another() {
    for (value, reason) in
        [("", "is empty"), ("murmur2", "is no partitioner"), ("consistent_random", "is no partitioner")]
    {
        assert_refused("partitioner", value, reason, "murmur2_random or fnv1a_random");
    }
}

#[test]
fn currency_that_is_not_in_use() {
    for (value, reason) in [
        ("", "is empty"),
        ("eur", "is no currency in use, in capital letters"),
        ("EURO", "is no currency in use, in capital letters"),
        ("€", "is no currency in use, in capital letters"),
        ("HRK", "was withdrawn"),
        ("XAU", "has no minor unit, so that no amount in it is exact"),
    ] {
        assert_refused("currency", value, reason, "an ISO 4217 code such as EUR");
    }
}

#[test]
fn log_that_is_neither() {
    for (value, reason) in
        [("", "is empty"), ("JSON", "is no form of a log"), ("pretty", "is no form of a log")]
    {
        assert_refused("log", value, reason, "text or json");
    }
}

#[test]
fn log_level_that_is_none() {
    for (value, reason) in [
        ("", "is empty"),
        ("verbose", "has a level that is none"),
        ("3", "has a level that is none"),
        ("info,", "has a level that is none"),
        ("payflow_core=", "has a level that is none"),
        ("payflow_core=loud", "has a level that is none"),
        ("=info", "names a module that cannot be"),
        ("a b=info", "names a module that cannot be"),
    ] {
        assert_refused("log_level", value, reason, "off, error, warn, info, debug or trace, such as info");
    }
}

#[test]
fn message_says_what_counts_without_the_setting() {
    let message = refusal(&["--topic="], &[]);
    assert!(message.ends_with("(left out, it is payment-topic)"), "{message}");

    let message = refusal(&["--currency="], &[]);
    assert!(message.ends_with("an ISO 4217 code such as EUR"), "no default, none told: {message}");
}

#[test]
fn every_problem_is_told_at_once() {
    let message = refusal(&["--topic=a b", "--http-addr=x"], &[("PAYFLOW_CURRENCY", "zzz")]);

    let lines: Vec<&str> = message.lines().map(|line| line.split(':').next().expect("a line")).collect();
    assert_eq!(
        lines,
        [
            "http_addr (flag --http-addr)",
            "topic (flag --topic)",
            "currency (environment variable PAYFLOW_CURRENCY)"
        ]
    );
}

#[cfg(unix)]
#[test]
fn value_that_is_no_text() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use payflow_program::Inputs;

    use crate::told::{Everything, Flags};

    let bytes = || OsString::from_vec(vec![b'a', 0xFF]);
    let by_flag = Inputs::new([OsString::from("everything"), "--group".into(), bytes()], [("", ""); 0]);
    let by_variable = Inputs::new(["everything"], [("PAYFLOW_GROUP", bytes())]);

    for (inputs, origin) in [(by_flag, "flag --group"), (by_variable, "environment variable PAYFLOW_GROUP")] {
        let error = payflow_program::read::<Flags, Everything>(&inputs).expect_err("no text");
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("group ({origin}): the value is not UTF-8; expected 1 to 255")),
            "{message}"
        );
    }
}
