use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::money::Money;
use crate::payment::{PaymentId, PaymentMethod, UserId};

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn request(user: &str, minor: i64, method: &str) -> PaymentRequest {
    let amount = Money::new(minor, euro());
    PaymentRequest::new(UserId::parse(user).unwrap(), amount, PaymentMethod::parse(method).unwrap()).unwrap()
}

fn decode(value: &str) -> Result<PaymentRequest, DecodeError> {
    JsonCodec::new().with_default_currency(euro()).decode(value.as_bytes(), HeadersRef::default())
}

fn refused_field(value: &str) -> Field {
    match decode(value) {
        Err(DecodeError::Invalid(invalid)) => invalid.field(),
        other => panic!("{value}: {other:?}"),
    }
}

#[test]
fn the_value_is_what_gos_encoder_writes() {
    let value = |user: &str, minor| JsonCodec::new().encode(&request(user, minor, "paypal")).value;
    assert_eq!(value("u001", 4_999), r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#);
    assert_eq!(value("u001", 1_000), r#"{"userId":"u001","amount":10,"method":"paypal"}"#);
    assert_eq!(
        value("a\"b\\c<d>e&f\u{2028}é名", 1),
        r#"{"userId":"a\"b\\c\u003cd\u003ee\u0026f\u2028é名","amount":0.01,"method":"paypal"}"#
    );
}

#[test]
fn additions_travel_as_headers() {
    let id = PaymentId::random();
    let created_at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let encoded = JsonCodec::new().encode(&request("u001", 4_999, "paypal").identified(id, created_at));
    assert_eq!(encoded.headers.text("payflow-payment-id"), Some(id.to_string().as_str()));
    assert_eq!(encoded.headers.text("payflow-currency"), Some("EUR"));
    assert_eq!(encoded.headers.text("payflow-created-at"), Some("2026-01-02T03:04:05.678Z"));
    assert_eq!(encoded.headers.text("content-type"), Some("application/json"));
}

#[test]
fn a_record_of_a_foreign_service_is_taken() {
    let taken = decode(r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#).unwrap();
    assert_eq!(taken, request("u001", 4_999, "paypal"));
    assert_eq!(taken.id(), None);
    assert_eq!(
        decode(r#" {"method":"paypal","user_id":"u001","amount":4999e-2,"note":[{"a":1}]} "#).unwrap(),
        taken
    );
}

#[test]
fn a_currency_comes_from_header_then_value_then_default() {
    let mut yen = Headers::new();
    yen.append("payflow-currency", "JPY");
    let codec = JsonCodec::new().with_default_currency(euro());
    let value = br#"{"userId":"u","amount":5,"method":"m"}"#;
    assert_eq!(codec.decode(value, yen.view()).unwrap().amount().currency().code(), "JPY");
    assert_eq!(codec.decode(value, HeadersRef::default()).unwrap().amount().currency().code(), "EUR");
    let stated = br#"{"userId":"u","amount":5,"method":"m","currency":"USD"}"#;
    assert_eq!(codec.decode(stated, HeadersRef::default()).unwrap().amount().currency().code(), "USD");
    assert!(codec.decode(stated, yen.view()).is_err());
    assert!(JsonCodec::new().decode(value, HeadersRef::default()).is_err());
}

#[test]
fn refused_fields_are_named() {
    let cases = [
        (r#"{"amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":"u","user_id":"u","amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":"","amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":5,"amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":null,"amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":"\ud800","amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":"a\u0000","amount":1,"method":"m"}"#, Field::UserId),
        (r#"{"userId":"u","method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":0,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":-0.0,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":-1,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":"10","method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":10.001,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":1e400,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":9223372036854775808,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":null,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":true,"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":[1],"method":"m"}"#, Field::Amount),
        (r#"{"userId":"u","amount":1}"#, Field::Method),
        (r#"{"userId":"u","amount":1,"method":"pay pal"}"#, Field::Method),
        (r#"{"userId":"u","amount":1,"method":"m","currency":"eur"}"#, Field::Currency),
        (r#"{"userId":"u","amount":1,"method":"m","currency":978}"#, Field::Currency),
    ];
    for (value, field) in cases {
        assert_eq!(refused_field(value), field, "{value}");
    }
}

#[test]
fn what_is_not_one_json_object_is_told_apart() {
    let deep_field = format!(r#"{{"userId":"u","x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let cases: [(&[u8], JsonError); 15] = [
        (b"", JsonError::Syntax),
        (b"{", JsonError::Syntax),
        (b"{\"userId\":\"u\"", JsonError::Syntax),
        (b"{} {}", JsonError::Syntax),
        (b"{\"userId\":\"\xff\"}", JsonError::Syntax),
        (b"{\"\xff\":1}", JsonError::Syntax),
        (b"{\"amount\":01}", JsonError::Syntax),
        (b"{\"amount\":NaN}", JsonError::Syntax),
        (b"\xef\xbb\xbf{}", JsonError::Syntax),
        (b"{\"\\ud800\":1}", JsonError::Syntax),
        (b"[1]", JsonError::NotAnObject),
        (b"\"text\"", JsonError::NotAnObject),
        (b"{\"amount\":1,\"amount\":1}", JsonError::DuplicateField),
        (deep_field.as_bytes(), JsonError::TooDeep),
        (deep.as_bytes(), JsonError::TooDeep),
    ];
    for (bytes, expected) in cases {
        let error = JsonPayment::read(bytes).unwrap_err();
        assert_eq!(error, expected, "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
}

#[test]
fn headers_that_say_nonsense_are_refused() {
    let value = br#"{"userId":"u","amount":1,"method":"m"}"#;
    for (name, text, field) in [
        ("payflow-payment-id", &b"42"[..], Field::PaymentId),
        ("payflow-created-at", b"yesterday", Field::CreatedAt),
        ("payflow-currency", b"XXX", Field::Currency),
        ("payflow-currency", b"\xff", Field::Currency),
    ] {
        let mut headers = Headers::new();
        headers.append(name, text);
        let refused =
            JsonCodec::new().with_default_currency(euro()).decode(value, headers.view()).unwrap_err();
        assert!(matches!(refused, DecodeError::Invalid(invalid) if invalid.field() == field), "{name}");
    }
}

proptest! {
    #[test]
    fn every_request_survives_the_wire(user in "[^\\p{Cc}]{1,32}", minor in 1..=PaymentRequest::MINOR_MAX, method in "[A-Za-z0-9._-]{1,64}") {
        let request = request(&user, minor, &method);
        let encoded = JsonCodec::new().encode(&request);
        prop_assert_eq!(JsonCodec::new().decode(&encoded.value, encoded.headers.view()), Ok(request));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = JsonCodec::new().with_default_currency(euro()).decode(&bytes, HeadersRef::default());
    }

    #[test]
    fn almost_json_is_read_or_refused_without_panic(text in r#"[{}\[\]":,0-9eE.+\-\\u userIdamountmethod]{0,120}"#) {
        let _ = decode(&text);
    }
}
