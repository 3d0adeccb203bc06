//! The settings file.

use payflow_program::{CURRENCY, Inputs, settings};

use crate::told::{Flags, file, read, refusal};

fn refused(text: impl AsRef<[u8]>) -> (String, String) {
    let path = file(text);
    let message = refusal(&["--config", &path], &[]);
    (path.to_string(), message)
}

#[test]
fn file_serves_every_setting() {
    let path = file(
        "# payments\nhttp_addr = ':1'\ngrpc_addr = ':2'\nkafka_brokers = ['a:1', \"b:2\"]\ntopic = 't'\n\
         dead_letter_topic = 'd'\ngroup = 'g'\npartitioner = 'fnv1a_random'\ncurrency = 'JPY'\n\
         notify_url = 'http://n'\nlog = 'json'\nlog_level = 'warn'\n",
    );

    let settings = read(&["--config", &path], &[]).expect("good settings").settings;

    assert_eq!(settings.http_addr.port(), 1);
    assert_eq!(settings.grpc_addr.port(), 2);
    assert_eq!(settings.kafka_brokers.expect("told").as_str(), "a:1,b:2");
    assert_eq!(settings.topics.topic().as_str(), "t");
    assert_eq!(settings.topics.dead_letter_topic().as_str(), "d");
    assert_eq!(settings.group.expect("told").as_str(), "g");
    assert_eq!(settings.partitioner.as_str(), "fnv1a_random");
    assert_eq!(settings.currency.expect("told").code(), "JPY");
    assert_eq!(settings.notify_url.expect("told").as_str(), "http://n");
}

#[test]
fn number_is_as_good_as_its_text() {
    let path = file("group = 7\n");
    assert_eq!(read(&["--config", &path], &[]).expect("good").settings.group.expect("told").as_str(), "7");
}

#[test]
fn unknown_keys_are_all_named_with_the_closest() {
    let (path, message) = refused("topic = 't'\nhttp-addr = ':1'\nbrokers = 'x'\n[database]\nurl = 'x'\n");

    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 3, "{message}");
    assert_eq!(
        lines[0],
        format!("file {path}, line 2: no setting has the key \"http-addr\"; did you mean http_addr?")
    );
    assert_eq!(
        lines[1],
        format!("file {path}, line 3: no setting has the key \"brokers\"; did you mean kafka_brokers?")
    );
    assert!(
        lines[2].contains("line 4: no setting has the key \"database\"; the known ones are http_addr, "),
        "{message}"
    );
}

#[test]
fn key_of_another_program_is_allowed_and_not_checked() {
    settings! {
        #[derive(Debug)]
        struct Small {
            currency: payflow_core::Currency = CURRENCY,
        }
    }
    let path = file("currency = 'EUR'\ngroup = 'not good'\n");
    let inputs = Inputs::new(["p", "--config", &path], [("", ""); 0]);

    let program = payflow_program::read::<Flags, Small>(&inputs).expect("good settings");

    assert_eq!(program.settings.currency.code(), "EUR");
}

#[test]
fn value_that_is_no_text_is_refused() {
    for (value, reason) in [
        ("{ name = 'x' }", "is a table, not text in quotes"),
        ("2026-01-01", "is a date, not text in quotes"),
        ("[1, 2]", "is a list of other things than texts"),
    ] {
        let (path, message) = refused(format!("\n\ngroup = {value}\n"));
        let start = format!("group (file {path}, line 3, key group): the value {reason}; expected 1 to 255");
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn missing_file_is_named_with_what_named_it() {
    let by_flag = refusal(&["--config", "no/such.toml"], &[]);
    assert!(
        by_flag.starts_with("--config: the settings file \"no/such.toml\" cannot be read: "),
        "{by_flag}"
    );
    assert!(by_flag.ends_with("expected the path of a TOML file, such as payflow.toml"), "{by_flag}");

    let by_variable = refusal(&[], &[("PAYFLOW_CONFIG", "no/such.toml")]);
    assert!(
        by_variable.starts_with("PAYFLOW_CONFIG: the settings file \"no/such.toml\" cannot be read: "),
        "{by_variable}"
    );

    let empty = refusal(&[], &[("PAYFLOW_CONFIG", "")]);
    assert!(empty.starts_with("PAYFLOW_CONFIG: the settings file \"\" cannot be read: "), "{empty}");
}

#[test]
fn file_that_is_no_toml_is_refused_at_its_line() {
    for (text, line) in
        [("topic = 't'\ntopic = 'u'\n", 2), ("\n\ngroup = \n", 3), ("group 'x'\n", 1), ("group = 'x", 1)]
    {
        let (path, message) = refused(text);
        assert!(
            message.starts_with(&format!("file {path}, line {line}: is no TOML: ")),
            "{text:?}: {message}"
        );
    }
}

#[test]
fn file_that_is_no_text_or_too_long_is_refused() {
    let (_, message) = refused([b'#', 0xFF]);
    assert!(message.contains("cannot be read: ") && message.contains("UTF-8"), "{message}");

    let (_, message) = refused("#".repeat(64 * 1024 + 1));
    assert!(message.contains("cannot be read: it is longer than 65536 bytes"), "{message}");
    let longest = file("#".repeat(64 * 1024));
    assert!(read(&["--config", &longest], &[]).is_ok());

    let folder = refusal(&["--config", env!("CARGO_TARGET_TMPDIR")], &[]);
    assert!(folder.contains("cannot be read: "), "{folder}");
}
