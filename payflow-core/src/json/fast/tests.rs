use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// The short way may leave anything to the other reader, and must else agree with it.
fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some(payment) = read(bytes) {
        prop_assert_eq!(JsonPayment::read_any(bytes), Ok(payment), "{}", String::from_utf8_lossy(bytes));
    }
    Ok(())
}

#[test]
fn the_usual_forms_take_the_short_way() {
    for usual in [
        r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#,
        r#"{"userId":"7a9f0c3e-0000-4001-8002-00c0ffee0000","amount":1234.5,"method":"credit_card"}"#,
        r#"{"amount":10,"method":"a","userId":"é名","currency":"EUR"}"#,
        " {\"user_id\" : \"u\" ,\t\"amount\":\r0.5,\"method\":\"m\"\n}\n",
    ] {
        assert_eq!(read(usual.as_bytes()), JsonPayment::read_any(usual.as_bytes()).ok(), "{usual}");
        assert!(read(usual.as_bytes()).is_some(), "{usual}");
    }
}

#[test]
fn all_else_is_left_to_the_reader_that_takes_all() {
    for other in [
        "",
        "{}",
        "[]",
        "{",
        "\u{feff}{\"amount\":1}",
        r#"{"amount":1"#,
        r#"{"amount":1,}"#,
        r#"{"amount":1}x"#,
        r#"{"amount":1}{}"#,
        r#"{"amount":01}"#,
        r#"{"amount":1.}"#,
        r#"{"amount":.1}"#,
        r#"{"amount":1e1}"#,
        r#"{"amount":-1}"#,
        r#"{"amount":1,"amount":1}"#,
        r#"{"amount":null}"#,
        r#"{"amount":[1]}"#,
        r#"{"other":1}"#,
        r#"{"userId":"a\n"}"#,
        r#"{"userId":"12345678\u0041"}"#,
        r#"{"user\u0049d":"a"}"#,
        "{\"userId\":\"a\nb\"}",
        "{\"userId\":\"0123456789\u{1f}\"}",
        r#"{"userId":"a"#,
        r#"{userId:"a"}"#,
    ] {
        assert_eq!(read(other.as_bytes()), None, "{other}");
    }
    assert_eq!(read(b"{\"userId\":\"\xff\"}"), None);
}

#[test]
fn a_plain_string_ends_where_it_must_wherever_that_lies() {
    for place in 0..40 {
        for byte in 0..=u8::MAX {
            let mut bytes = vec![b'x'; 40];
            bytes[place] = byte;
            let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
            assert_eq!(plain_length(&bytes), if ends { place } else { 40 }, "{byte} at {place}");
        }
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec![
        "\"userId\"",
        "\"user_id\"",
        "\"amount\"",
        "\"method\"",
        "\"currency\"",
        "\"x\"",
        "\"\"",
        "\"user\\u0049d\"",
        "userId",
        "\"USERID\"",
    ])
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\"[ -~]{0,40}\"",
        "\"\\PC{0,20}\"",
        "\"[a-z]{0,20}\\\\[\"\\\\/bfnrtu][0-9a-fA-F]{0,4}\"",
        "-?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{0,3})?",
        Just("null".to_owned()),
        Just("[{}]".to_owned()),
        "[\\x00-\\x1f\"]{0,3}",
    ]
}

fn white_space() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\n\t", "\r ", "\u{b}", "\u{a0}"])
}

prop_compose! {
    fn member()(
        a in white_space(), name in name(), b in white_space(), c in white_space(), value in value(), d in white_space(),
    ) -> String {
        format!("{a}{name}{b}:{c}{value}{d}")
    }
}

proptest! {
    #[test]
    fn agrees_on_almost_objects(members in prop::collection::vec(member(), 0..6), end in white_space()) {
        agrees(format!("{{{}}}{end}", members.join(",")).as_bytes())?;
    }

    #[test]
    fn agrees_on_the_usual_with_a_few_bytes_changed(
        user in "[ -~é名]{1,40}",
        amount in "[0-9]{1,17}(\\.[0-9]{1,9})?",
        changes in prop::collection::vec((any::<Index>(), 0..3, any::<u8>()), 0..4),
    ) {
        let mut bytes = format!(r#"{{"userId":"{user}","amount":{amount},"method":"paypal"}}"#).into_bytes();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        agrees(&bytes)?;
    }

    #[test]
    fn agrees_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        agrees(&bytes)?;
    }

    #[test]
    fn agrees_on_json_shaped_noise(text in r#"\{("(userId|amount|method|currency)":("[a-z"\\]{0,3}"|[0-9.eE+-]{0,4})[, ]?){0,4}\}"#) {
        agrees(text.as_bytes())?;
    }
}
