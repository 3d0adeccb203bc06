use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::reader::{Fields, JsonPayment};
use super::*;

/// Whatever the bytes are, the answer is that of the reader that takes all.
fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(bytes);
    let (payment, fields) = match (JsonPayment::read(bytes), Fields::read(bytes)) {
        (Ok(payment), Ok(fields)) => (payment, fields),
        (payment, fields) => {
            prop_assert_eq!(payment.err(), fields.err(), "{}", shown);
            return Ok(());
        }
    };
    prop_assert_eq!(payment.unknown_field(), fields.unknown.as_deref(), "{}", shown);
    prop_assert_eq!(payment.currency(), fields.currency(), "{}", shown);
    for currency in [None, Some("JPY"), Some("EUR"), Some("CLF")] {
        let currency = currency.map(|code| Currency::parse(code).unwrap());
        prop_assert_eq!(payment.request(currency), fields.request(currency), "{}", shown);
    }
    Ok(())
}

#[test]
fn the_usual_forms_take_the_short_way() {
    let euro = Currency::parse("EUR").unwrap();
    for usual in [
        r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#,
        r#"{"userId":"7a9f0c3e-0000-4001-8002-00c0ffee0000","amount":1234.5,"method":"credit_card"}"#,
        r#"{"amount":10,"method":"a","userId":" ~","currency":"EUR"}"#,
        " {\"userId\" : \"u\" ,\t\"amount\":\r0.5,\"method\":\"m\"\n}\n",
    ] {
        let read = Usual::read(usual.as_bytes()).unwrap();
        let request = read.request(euro).unwrap();
        assert_eq!(Fields::read(usual.as_bytes()).unwrap().request(Some(euro)), Ok(request), "{usual}");
        assert_eq!(read.states_currency(), usual.contains("EUR"));
    }
}

#[test]
fn all_else_is_left_to_the_reader_that_takes_all() {
    for other in [
        "",
        "{}",
        "[]",
        "{",
        "\u{feff}{\"userId\":\"u\",\"amount\":1,\"method\":\"m\"}",
        r#"{"userId":"u","method":"m","amount":1"#,
        r#"{"userId":"u","method":"m","amount":1,}"#,
        r#"{"userId":"u","method":"m","amount":1}x"#,
        r#"{"userId":"u","method":"m","amount":1}{}"#,
        r#"{"userId":"u","method":"m","amount":01}"#,
        r#"{"userId":"u","method":"m","amount":1.}"#,
        r#"{"userId":"u","method":"m","amount":.1}"#,
        r#"{"userId":"u","method":"m","amount":1e1}"#,
        r#"{"userId":"u","method":"m","amount":-1}"#,
        r#"{"userId":"u","method":"m","amount":1234567890123456789}"#,
        r#"{"userId":"u","method":"m","amount":1,"amount":1}"#,
        r#"{"userId":"u","method":"m","method":"m","amount":1}"#,
        r#"{"userId":"u","user_id":"u","method":"m","amount":1}"#,
        r#"{"userId":"u","method":"m","amount":null}"#,
        r#"{"userId":"u","method":"m","amount":"1"}"#,
        r#"{"userId":"u","method":"m","amount":[1]}"#,
        r#"{"userId":"u","method":"m","amount":1,"other":1}"#,
        r#"{"userId":"u","method":"m"}"#,
        r#"{"userId":5,"method":"m","amount":1}"#,
        r#"{"userId":"a\n","method":"m","amount":1}"#,
        r#"{"userId":"12345678\u0041","method":"m","amount":1}"#,
        r#"{"user\u0049d":"a","method":"m","amount":1}"#,
        "{\"userId\":\"a\nb\",\"method\":\"m\",\"amount\":1}",
        "{\"userId\":\"0123456789\u{1f}\",\"method\":\"m\",\"amount\":1}",
        "{\"userId\":\"\u{7f}\",\"method\":\"m\",\"amount\":1}",
        "{\"userId\":\"\u{e9}\",\"method\":\"m\",\"amount\":1}",
        r#"{"method":"m","amount":1,"userId":"a"#,
        r#"{userId:"a","method":"m","amount":1}"#,
    ] {
        assert_eq!(Usual::read(other.as_bytes()), None, "{other}");
        agrees(other.as_bytes()).unwrap();
    }
    assert_eq!(Usual::read(b"{\"userId\":\"\xff\",\"amount\":1,\"method\":\"m\"}"), None);
}

/// What the short way reads and then may not take: the refusal is that of the reader that takes all.
#[test]
fn what_is_refused_is_refused_in_the_same_words() {
    for refused in [
        r#"{"userId":"","amount":1,"method":"m"}"#,
        r#"{"userId":"u","amount":0,"method":"m"}"#,
        r#"{"userId":"u","amount":0.001,"method":"m"}"#,
        r#"{"userId":"u","amount":99999999999999999,"method":"m"}"#,
        r#"{"userId":"u","amount":1,"method":""}"#,
        r#"{"userId":"u","amount":1,"method":"a b"}"#,
        r#"{"userId":"u","amount":1,"method":"m","currency":"XXX"}"#,
        r#"{"userId":"","amount":0,"method":"","currency":""}"#,
    ] {
        assert!(Usual::read(refused.as_bytes()).is_some(), "{refused}");
        agrees(refused.as_bytes()).unwrap();
    }
    for length in [37, 38, 39, 128, 129] {
        let user = "u".repeat(length);
        agrees(format!(r#"{{"userId":"{user}","amount":1,"method":"m"}}"#).as_bytes()).unwrap();
        agrees(format!(r#"{{"userId":"u","amount":1,"method":"{}"}}"#, &user[15..]).as_bytes()).unwrap();
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
