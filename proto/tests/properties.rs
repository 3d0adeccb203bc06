//! What holds for every request, every currency and any bytes.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

use std::sync::LazyLock;

use jiff::Timestamp;
use payflow_core::{
    Codec, Currency, DecodeError, Field, HeadersRef, Money, PaymentId, PaymentMethod, PaymentRequest, UserId,
};
use payflow_proto::{Acknowledgement, Notification, PaymentRequest as WireRequest, ProtobufCodec};
use proptest::prelude::*;
use prost::Message;

/// Every currency in use: each code of three capitals that core takes.
static CURRENCIES: LazyLock<Vec<Currency>> = LazyLock::new(|| {
    let letters = || b'A'..=b'Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    codes.filter_map(|code| Currency::parse(str::from_utf8(&code).ok()?).ok()).collect()
});

fn any_amount() -> impl Strategy<Value = Money> {
    let largest = PaymentRequest::MINOR_MAX;
    let minor = prop_oneof![1..=largest, 1..=100_000_i64, largest - 1_000..=largest];
    (minor, prop::sample::select(&CURRENCIES[..])).prop_map(|(minor, currency)| Money::new(minor, currency))
}

/// Any double, and often one that is an amount or a neighbour of one.
fn any_double_bits() -> impl Strategy<Value = u64> {
    let near = (any_amount(), 0..3_u64).prop_map(|(amount, off)| amount.to_double().to_bits() + off);
    prop_oneof![any::<u64>(), near]
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..Timestamp::MAX.as_second();
    let nanos = prop_oneof![Just(0), 0..1_000_000_000];
    // The last second is left out, so that no nanosecond passes the end.
    (seconds, nanos).prop_map(|(second, nanos)| Timestamp::new(second, nanos).unwrap())
}

fn hyphenated(id: u128) -> String {
    let digits = format!("{id:032x}");
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    groups.join("-")
}

prop_compose! {
    fn any_request()(
        user in "[^\\p{Cc}]{1,32}",
        amount in any_amount(),
        method in "[A-Za-z0-9._-]{1,64}",
        id in prop::option::of(any::<u128>()),
        created_at in prop::option::of(any_time()),
    ) -> PaymentRequest {
        let id = id.map(|id| PaymentId::parse(&hyphenated(id)).unwrap());
        PaymentRequest::new(UserId::parse(&user).unwrap(), amount, PaymentMethod::parse(&method).unwrap())
            .unwrap()
            .with_identity(id, created_at)
    }
}

#[test]
fn the_currencies_have_every_exponent_there_is() {
    let mut exponents: Vec<u8> = CURRENCIES.iter().map(|currency| currency.exponent()).collect();
    exponents.sort_unstable();
    exponents.dedup();
    assert_eq!(exponents, [0, 2, 3, 4]);
    assert!(CURRENCIES.len() > 150, "{}", CURRENCIES.len());
}

proptest! {
    #[test]
    fn every_request_survives_the_wire(request in any_request()) {
        let encoded = ProtobufCodec::new().encode(&request);
        prop_assert_eq!(ProtobufCodec::new().decode(&encoded.value, encoded.headers.view()), Ok(request));
    }

    #[test]
    fn the_double_is_the_shortest_decimal_and_is_enough(request in any_request()) {
        let mut message = WireRequest::from(&request);
        prop_assert_eq!(message.amount.to_string(), request.amount().shortest_decimal());
        message.amount_minor = 0;
        prop_assert_eq!(message.to_request(None).map(|read| read.amount()), Ok(request.amount()));
    }

    #[test]
    fn two_forms_of_the_amount_that_differ_are_refused(request in any_request(), by in 1_i64..1_000) {
        let mut message = WireRequest::from(&request);
        message.amount_minor += by;
        prop_assert_eq!(message.to_request(None).unwrap_err().field(), Field::Amount);
    }

    #[test]
    fn a_double_is_taken_exactly_or_refused(bits in any_double_bits(), currency in prop::sample::select(&CURRENCIES[..])) {
        let mut message = WireRequest { amount: f64::from_bits(bits), ..three_fields() };
        match message.to_request(Some(currency)) {
            Ok(request) => prop_assert_eq!(request.amount().to_double().to_bits(), bits),
            Err(refused) => prop_assert_eq!(refused.field(), Field::Amount),
        }
        message.amount = 0.0;
        message.amount_minor = bits.cast_signed();
        if let Ok(request) = message.to_request(Some(currency)) {
            prop_assert_eq!(request.amount().minor(), message.amount_minor);
        }
    }

    #[test]
    fn truncated_bytes_are_never_another_request(request in any_request(), at in any::<prop::sample::Index>()) {
        let encoded = ProtobufCodec::new().encode(&request);
        let cut = at.index(encoded.value.len());
        // Fields that are cut off whole are absent, and their headers still say them: what is read is never wrong.
        if let Ok(read) = ProtobufCodec::new().decode(&encoded.value[..cut], encoded.headers.view()) {
            prop_assert_eq!(read, request);
        }
    }

    #[test]
    fn a_changed_byte_is_read_or_refused_without_panic(request in any_request(), at in any::<prop::sample::Index>(), byte: u8) {
        let encoded = ProtobufCodec::new().encode(&request);
        let mut value = encoded.value.to_vec();
        let at = at.index(value.len());
        value[at] = byte;
        let _ = ProtobufCodec::new().decode(&value, encoded.headers.view());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = ProtobufCodec::new().decode(&bytes, HeadersRef::default());
        let _ = Notification::decode(&bytes[..]);
        let _ = Acknowledgement::decode(&bytes[..]);
    }
}

#[test]
fn what_is_no_message_is_malformed_and_not_shown() {
    let deep: Vec<u8> = vec![0x7b; 10_000];
    let cases: [(&str, &[u8]); 8] = [
        ("JSON", br#"{"userId":"u001","amount":49.99,"method":"paypal"}"#),
        ("a text cut off", b"\x0a\x04u0"),
        ("a length beyond all memory", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("a varint without end", b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("a text that is not UTF-8", b"\x0a\x02\xc3\x28"),
        ("a text as a number", b"\x08\x01"),
        ("field number 0", b"\x02\x00"),
        ("groups nested without end", &deep),
    ];
    let codec = ProtobufCodec::new().with_default_currency(CURRENCIES[0]);
    for (what, value) in cases {
        match codec.decode(value, HeadersRef::default()) {
            Err(DecodeError::Malformed(reason)) => assert!(!reason.contains("u0"), "{what}: {reason}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    let empty = codec.decode(b"", HeadersRef::default());
    assert!(
        matches!(empty, Err(DecodeError::Invalid(ref invalid)) if invalid.field() == Field::UserId),
        "{empty:?}"
    );
}

fn three_fields() -> WireRequest {
    WireRequest { user_id: "u001".into(), method: "paypal".into(), ..WireRequest::default() }
}
