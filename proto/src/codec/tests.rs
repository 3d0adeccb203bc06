use jiff::Timestamp;
use payflow_core::{Field, Header, InvalidPayment, Money, PaymentId, PaymentMethod, UserId};

use super::*;
use crate::generated::PaymentRequest as WireRequest;

const ID: &str = "01945b1e-7c5d-7c3e-9a2b-0123456789ab";

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn request(user: &str, amount: Money, method: &str) -> PaymentRequest {
    PaymentRequest::new(UserId::parse(user).unwrap(), amount, PaymentMethod::parse(method).unwrap()).unwrap()
}

/// What a service that knows three fields means by `u001` paying 49.99 by paypal.
fn three_fields() -> WireRequest {
    WireRequest { user_id: "u001".into(), amount: 49.99, method: "paypal".into(), ..WireRequest::default() }
}

fn at(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

fn headers(pairs: &[(&str, &[u8])]) -> Headers {
    pairs.iter().map(|(name, value)| Header { name, value: Some(value) }).collect()
}

fn decode(message: &WireRequest, headers: &Headers) -> Result<PaymentRequest, DecodeError> {
    let codec = ProtobufCodec::new().with_default_currency(euro());
    codec.decode(&message.encode_to_vec(), headers.view())
}

#[track_caller]
fn assert_refused(message: &WireRequest, headers: &Headers, field: Field, reason: &str) {
    match decode(message, headers) {
        Err(DecodeError::Invalid(invalid)) => {
            assert_eq!((invalid.field(), invalid.reason()), (field, reason), "{message:?}");
        }
        other => panic!("{message:?}: {other:?}"),
    }
}

#[test]
fn three_fields_without_headers_are_a_request() {
    let taken = decode(&three_fields(), &Headers::new()).unwrap();
    assert_eq!(taken, request("u001", Money::new(4_999, euro()), "paypal"));
    assert_eq!((taken.id(), taken.created_at()), (None, None));
}

#[test]
fn additions_travel_as_fields_and_as_headers() {
    let created_at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let request = request("u001", Money::new(4_999, euro()), "paypal")
        .identified(PaymentId::parse(ID).unwrap(), created_at);
    let encoded = ProtobufCodec::new().encode(&request);

    let expected: [(&str, &[u8]); 4] = [
        ("content-type", b"application/protobuf"),
        ("payflow-currency", b"EUR"),
        ("payflow-payment-id", ID.as_bytes()),
        ("payflow-created-at", b"2026-01-02T03:04:05.678Z"),
    ];
    assert!(encoded.headers == headers(&expected), "{:?}", encoded.headers);

    let message = WireRequest::decode(encoded.value).unwrap();
    let seven_fields = WireRequest {
        payment_id: ID.into(),
        currency: "EUR".into(),
        amount_minor: 4_999,
        created_at: at(1_767_323_045, 678_000_000),
        ..three_fields()
    };
    assert_eq!(message, seven_fields);
    // Either place alone is enough.
    assert_eq!(decode(&message, &Headers::new()), Ok(request.clone()));
    assert_eq!(decode(&three_fields(), &encoded.headers), Ok(request));
}

#[test]
fn a_currency_comes_from_field_or_header_then_default() {
    let yen = headers(&[("payflow-currency", b"JPY")]);
    let mut message = WireRequest { amount: 5.0, ..three_fields() };
    let code = |message: &WireRequest, headers: &Headers| {
        decode(message, headers).map(|request| request.amount().currency().code())
    };
    assert_eq!(code(&message, &Headers::new()), Ok("EUR"));
    assert_eq!(code(&message, &yen), Ok("JPY"));

    let no_default = ProtobufCodec::new().decode(&message.encode_to_vec(), HeadersRef::default());
    assert_eq!(no_default, Err(InvalidPayment::new(Field::Currency, "is missing").into()));

    message.currency = "USD".into();
    assert_eq!(code(&message, &Headers::new()), Ok("USD"));
    message.currency = "JPY".into();
    assert_eq!(code(&message, &yen), Ok("JPY"));
}

#[test]
fn exact_minor_units_are_enough_and_agree_with_the_double_beside_them() {
    for (amount_minor, amount) in [(4_999, 0.0), (4_999, 49.99), (0, 49.99)] {
        let message = WireRequest { amount_minor, amount, ..three_fields() };
        let taken = decode(&message, &Headers::new()).unwrap();
        assert_eq!(taken.amount().minor(), 4_999, "{amount_minor} {amount}");
    }
}

#[test]
fn amounts_are_refused_and_never_rounded() {
    let cases = [
        (0, 0.0, "is missing or zero"),
        (0, -1.0, "must be above zero"),
        (0, f64::NAN, "is not a number"),
        (0, f64::INFINITY, "is not a number"),
        (0, f64::NEG_INFINITY, "is not a number"),
        (0, 10.001, "has more fraction digits than the currency"),
        (0, 0.1 + 0.2, "has more fraction digits than the currency"),
        (0, f64::MIN_POSITIVE, "has more fraction digits than the currency"),
        (0, 49.99_f32.into(), "has more fraction digits than the currency"),
        (0, 1e300, "is out of range"),
        (0, 10_000_000_000_000.01, "is out of range"),
        (-1, 0.0, "must be above zero"),
        (-1, -0.01, "must be above zero"),
        (i64::MIN, 0.0, "must be above zero"),
        (i64::MAX, 0.0, "is out of range"),
        (PaymentRequest::MINOR_MAX + 1, 0.0, "is out of range"),
        (4_999, 49.98, "differs from amountMinor"),
        (4_999, 4_999.0, "differs from amountMinor"),
        (4_999, -49.99, "differs from amountMinor"),
        (4_999, f64::NAN, "is not a number"),
        (30, 0.1 + 0.2, "has more fraction digits than the currency"),
    ];
    for (amount_minor, amount, reason) in cases {
        let message = WireRequest { amount_minor, amount, ..three_fields() };
        assert_refused(&message, &Headers::new(), Field::Amount, reason);
    }
    let yen = WireRequest { amount: 1.5, currency: "JPY".into(), ..three_fields() };
    assert_refused(&yen, &Headers::new(), Field::Amount, "has more fraction digits than the currency");
}

/// Go writes it, and so it was stated; prost's encoder leaves it out, hence the bytes.
#[test]
fn a_negative_zero_is_not_an_absent_amount() {
    const NEGATIVE_ZERO: &[u8] = b"\x11\0\0\0\0\0\0\0\x80";
    for (amount_minor, reason) in [(0, "must be above zero"), (4_999, "differs from amountMinor")] {
        let rest = WireRequest { amount: 0.0, amount_minor, ..three_fields() };
        let value = [NEGATIVE_ZERO, &rest.encode_to_vec()].concat();
        let codec = ProtobufCodec::new().with_default_currency(euro());
        let refused = InvalidPayment::new(Field::Amount, reason);
        assert_eq!(codec.decode(&value, HeadersRef::default()), Err(refused.into()));
    }
}

#[test]
fn refused_fields_are_named() {
    type Change = fn(&mut WireRequest);
    let cases: [(Change, Field, &str); 12] = [
        (|m| m.user_id.clear(), Field::UserId, "must not be empty"),
        (|m| m.user_id = "a\0".into(), Field::UserId, "must not contain control characters"),
        (|m| m.user_id = "x".repeat(129), Field::UserId, "must have at most 128 bytes"),
        (|m| m.method.clear(), Field::Method, "must not be empty"),
        (
            |m| m.method = "pay pal".into(),
            Field::Method,
            "may contain only letters, digits, '.', '_' and '-'",
        ),
        (|m| m.currency = "eur".into(), Field::Currency, "is not an ISO 4217 code in capital letters"),
        (|m| m.currency = "HRK".into(), Field::Currency, "is an ISO 4217 code that was withdrawn"),
        (|m| m.payment_id = "42".into(), Field::PaymentId, "is not a UUID in its hyphenated form"),
        (|m| m.created_at = at(0, -1), Field::CreatedAt, "must have 0 to 999999999 nanos"),
        (|m| m.created_at = at(0, 1_000_000_000), Field::CreatedAt, "must have 0 to 999999999 nanos"),
        (|m| m.created_at = at(i64::MIN, 0), Field::CreatedAt, "is before the year 1"),
        (|m| m.created_at = at(i64::MAX, 0), Field::CreatedAt, "is after the year 9999"),
    ];
    for (change, field, reason) in cases {
        let mut message = three_fields();
        change(&mut message);
        assert_refused(&message, &Headers::new(), field, reason);
    }
}

#[test]
fn headers_that_say_nonsense_or_another_thing_than_the_fields_are_refused() {
    let message = WireRequest {
        payment_id: ID.into(),
        currency: "EUR".into(),
        created_at: at(1_767_323_045, 0),
        ..three_fields()
    };
    let differs = "differs between header and value";
    let cases: [(&str, &[u8], Field, &str); 8] = [
        ("payflow-payment-id", b"42", Field::PaymentId, "is not a UUID in its hyphenated form"),
        ("payflow-payment-id", b"\xff", Field::PaymentId, "is not UTF-8"),
        ("payflow-created-at", b"yesterday", Field::CreatedAt, "is not an RFC 3339 time"),
        ("payflow-created-at", b"\xff", Field::CreatedAt, "is not UTF-8"),
        ("payflow-created-at", b"2026-01-02T03:04:06Z", Field::CreatedAt, differs),
        ("payflow-currency", b"XXX", Field::Currency, "is an ISO 4217 code without a minor unit"),
        ("payflow-currency", b"\xff", Field::Currency, "is not UTF-8"),
        ("payflow-currency", b"USD", Field::Currency, differs),
    ];
    for (name, value, field, reason) in cases {
        assert_refused(&message, &headers(&[(name, value)]), field, reason);
    }
    let agreeing = headers(&[
        ("payflow-payment-id", ID.to_uppercase().as_bytes()),
        ("payflow-created-at", b"2026-01-02T04:04:05.000+01:00"),
        ("payflow-currency", b"EUR"),
    ]);
    assert!(decode(&message, &agreeing).is_ok());
}

#[test]
fn the_id_in_the_message_wins_over_the_one_that_a_dead_letter_was_given() {
    let message = WireRequest { payment_id: ID.into(), currency: "EUR".into(), ..three_fields() };
    let derived = headers(&[("payflow-payment-id", b"01945b1e-7c5d-7c3e-9a2b-0123456789ac")]);
    assert_eq!(decode(&message, &derived).unwrap().id().unwrap().to_string(), ID);
}
