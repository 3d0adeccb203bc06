//! The help text teaches every setting.

use payflow_program::StartError;

use crate::told::{read, variable};

const KEYS_AND_DEFAULTS: [(&str, Option<&str>); 11] = [
    ("http_addr", Some("127.0.0.1:8080")),
    ("grpc_addr", Some("127.0.0.1:50051")),
    ("kafka_brokers", None),
    ("topic", Some("payment-topic")),
    ("dead_letter_topic", Some("payment-topic.dead-letters; TOPIC.dead-letters if the topic is another")),
    ("group", None),
    ("partitioner", Some("murmur2_random")),
    ("currency", None),
    ("notify_url", None),
    ("log", Some("text")),
    ("log_level", Some("info")),
];

fn answer(flag: &str) -> String {
    match read(&[flag], &[]) {
        Err(StartError::Answer(text)) => text,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn help_names_flag_variable_and_default_of_every_setting() {
    for flag in ["-h", "--help"] {
        let help = answer(flag);
        // Lines may be wrapped anywhere.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for (key, default) in KEYS_AND_DEFAULTS {
            let flag = format!("--{} <", key.replace('_', "-"));
            let (_, own) = help.split_once(&flag).unwrap_or_else(|| panic!("{flag} is missing: {help}"));
            let own = own.split(" --").next().expect("the rest");
            assert!(own.contains(&format!("[env: {}]", variable(key))), "{own}");
            match default {
                Some(default) => assert!(own.contains(&format!("[default: {default}]")), "{own}"),
                None => assert!(!own.contains("[default"), "{own}"),
            }
        }
        assert!(help.contains("--config <FILE>") && help.contains("[env: PAYFLOW_CONFIG]"), "{help}");
        assert!(
            help.contains("--payments <PAYMENTS> How many payments"),
            "the program's own flags are there: {help}"
        );
        assert!(help.contains("from its flag, else its environment variable, else its key"), "{help}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    let error = read(&["--help", "--topic=a b"], &[]).expect_err("an answer");
    assert_eq!(error.exit_code(), 0);
    assert!(answer("--version").starts_with("everything "));
}
