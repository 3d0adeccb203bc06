//! No message holds a secret.

use payflow_program::{Inputs, NotifyUrl, Setting, settings};

use crate::told::{Flags, Telling, file, read, refusal};

const SECRET: &str = "hunter2";

#[test]
fn wrong_notify_url_is_not_quoted() {
    for (value, reason) in [
        ("", "is empty"),
        ("hunter2", "has no http:// in front"),
        ("user:hunter2@host", "has no http:// in front"),
        ("ftp://user:hunter2@host", "has no http:// in front"),
        ("https://hunter2", "has https:// in front, and TLS is left to a proxy"),
        ("HTTPS://user:hunter2@host", "has https:// in front, and TLS is left to a proxy"),
        ("http://user:hunter2@host", "has a user, whom no call would name"),
        ("http://hunter2@", "has a user, whom no call would name"),
        ("http://", "has no legal host"),
        ("http:///hunter2", "has no legal host"),
        ("http://hunter2^", "has no legal host"),
        ("http://hunter2:0/", "has no port from 1 to 65535 behind its host"),
        ("http://hunter2:", "has no port from 1 to 65535 behind its host"),
        ("http://host/hunter2", "has more behind its host, which no call would send"),
        ("http://host?hunter2", "has more behind its host, which no call would send"),
        ("http://host/?hunter2", "has more behind its host, which no call would send"),
        ("http://host#hunter2", "has more behind its host, which no call would send"),
        ("http://user:hunter2 @host", "has a space, a control character or a letter beyond ASCII"),
    ] {
        for telling in Telling::every("notify_url", value) {
            let message = telling.read().expect_err("a wrong URL").to_string();
            let start = format!(
                "{}: the value (not shown) {reason}; expected the address of a notification service by http://",
                telling.origin
            );
            assert!(message.starts_with(&start), "{message}\ndoes not start with\n{start}");
            assert!(!message.contains(SECRET), "{message}");
        }
    }
}

#[test]
fn url_with_password_in_another_setting_is_not_quoted() {
    let keys = [
        "http_addr",
        "grpc_addr",
        "kafka_brokers",
        "topic",
        "dead_letter_topic",
        "group",
        "partitioner",
        "currency",
        "log",
        "log_level",
    ];
    for key in keys {
        for telling in Telling::every(key, "https://user:hunter2 @host") {
            let message = telling.read().expect_err("no URL belongs here").to_string();
            assert!(message.starts_with(&format!("{}: the value (not shown) ", telling.origin)), "{message}");
            assert!(!message.contains(SECRET), "{message}");
        }
    }
}

#[test]
fn flag_that_is_not_understood_is_told_without_the_secret() {
    let url = "https://user:hunter2 @host";
    let joined = |flag: &str| format!("{flag}={url}");
    for arguments in [
        vec![url],
        vec!["--notify-url=http://host", url],
        vec![&joined("--notify-ulr")],
        vec![&joined("--payments")],
        vec!["--payments", url],
        vec![&joined("-n")],
        vec![&joined("--log"), &joined("--log")],
    ] {
        let message = refusal(&arguments, &[]);
        assert!(!message.contains(SECRET), "{arguments:?}: {message}");
    }
    assert!(refusal(&["--notify-ulr=x"], &[]).contains("'--notify-url'"), "the closest flag is named");
}

#[test]
fn broken_file_is_told_without_its_lines() {
    for text in [
        "notify_url = 'hunter2\n",
        "notify_url = hunter2\n",
        "notify_url = 'x' hunter2\n",
        "a = 'b'\nnotify_urll = 'hunter2'\n",
    ] {
        let path = file(text);
        let message = refusal(&["--config", &path], &[]);
        assert!(!message.contains(SECRET), "{text:?}: {message}");
    }
}

#[test]
fn unknown_variable_is_told_without_its_value() {
    let warnings = read(&[], &[("PAYFLOW_PASSWORD", SECRET)]).expect("a warning").warnings;
    assert!(warnings.len() == 1 && !warnings[0].contains(SECRET), "{warnings:?}");
}

#[test]
fn inputs_are_not_shown() {
    let inputs = Inputs::new(["p", SECRET], [("PAYFLOW_NOTIFY_URL", SECRET)]);
    assert!(!format!("{inputs:?}").contains(SECRET), "{inputs:?}");
}

const PASSWORD: Setting<usize> = Setting::new("password", "Password", "digits alone", |text| {
    text.parse().map_err(|_| "has other characters")
})
.secret();

settings! {
    #[derive(Debug)]
    struct Own {
        password: usize = PASSWORD,
        _notify_url: Option<NotifyUrl> = payflow_program::NOTIFY_URL.optional(),
    }
}

#[test]
fn programs_own_setting_can_be_secret() {
    let read = |value: &str| {
        let path = file(format!("password = '{value}'\n"));
        payflow_program::read::<Flags, Own>(&Inputs::new(["p", "--config", &path], [("", ""); 0]))
    };

    assert_eq!(read("42").expect("digits").settings.password, 42);
    let message = read(SECRET).expect_err("letters").to_string();
    assert!(
        message.ends_with("the value (not shown) has other characters; expected digits alone"),
        "{message}"
    );
}
