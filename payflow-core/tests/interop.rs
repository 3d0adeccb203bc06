//! Beside Go services: what they recorded is read exactly and written alike, and strict decoders read what is written.
#![cfg(feature = "json")]
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

#[path = "../../interop/go.rs"]
mod go;
#[path = "../../interop/recorded.rs"]
mod recorded;

use std::collections::BTreeSet;

use payflow_core::{
    Codec, Currency, DecodeError, HeadersRef, JsonCodec, Money, PaymentMethod, PaymentRequest, UserId,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use recorded::{RecordedPayment, hex, payments};
use serde::Deserialize;

/// One currency for each number of decimals that there is: 0, 2, 3 and 4.
const CURRENCIES: [&str; 4] = ["JPY", "EUR", "BHD", "CLF"];

/// What payflow refuses in euro of what the services could write: why, and the cases.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "amount has more fraction digits than the currency",
        &[
            "amount 2.675",
            "amount 1.005",
            "amount 0.001",
            "amount 1.234",
            "amount 0.0001",
            "amount 0.0123",
            "amount 38000.1234",
            "amount 999999999999.999",
            "amount 99999999999.9999",
            "amount 0.000001",
            "amount 0.00000099",
            "amount 1e-7",
            "amount 5e-324",
            "amount 0.30000000000000004",
            "amount 3.3000000000000003",
        ],
    ),
    (
        "amount is out of range",
        &[
            "amount 10000000000000.01",
            "amount 999999999999999",
            "amount 1000000000000000",
            "amount 1000000000000001",
            "amount 90071992547409.91",
            "amount 90071992547409.93",
            "amount 9007199254740991",
            "amount 9007199254740993",
            "amount 9223372036854775807",
            "amount 999999999999999868928",
            "amount 1e21",
            "amount 1.5e300",
            "amount 1.7976931348623157e308",
        ],
    ),
    ("amount must be above zero", &["amount 0", "amount -0", "amount -0.01", "amount -49.99"]),
    ("userId must not be empty", &["user that is empty"]),
    ("userId must have at most 128 bytes", &["user of 129 bytes"]),
    (
        "userId must not contain control characters",
        &[
            "user with a NUL",
            "user with a tab",
            "user with a line feed",
            "user with a carriage return",
            "user with a backspace and a form feed",
            "user with an escape character",
            "user with a delete character",
            "user with a C1 control",
        ],
    ),
    ("method must not be empty", &["method that is empty"]),
    ("method must have at most 64 characters", &["method of 65 characters"]),
    (
        "method may contain only letters, digits, '.', '_' and '-'",
        &["method with a space", "method beyond ASCII", "method with signs of HTML", "method with a NUL"],
    ),
];

/// Go holds any bytes as text, and writes what is not UTF-8 as an escape that nobody else writes.
const NOT_UTF8: &str = "user that is not UTF-8";

#[test]
fn recorded_payment_is_read_exactly_and_written_alike() {
    for (payment, json) in json_payments() {
        for currency in CURRENCIES.map(currency) {
            let Some(amount) = acceptable(&payment, currency) else {
                assert!(decode(json, currency).is_err(), "{}, {currency}", payment.case);
                continue;
            };

            let read = decode(json, currency).unwrap_or_else(|error| panic!("{}: {error}", payment.case));
            assert_eq!(read.amount(), amount, "{}", payment.case);
            assert_eq!(
                read.user_id().as_str(),
                String::from_utf8_lossy(&payment.user_id),
                "{}",
                payment.case
            );
            assert_eq!(read.method().as_str().as_bytes(), payment.method, "{}", payment.case);

            let written = JsonCodec::new().encode(&read).value;
            if payment.case != NOT_UTF8 {
                assert_eq!(str::from_utf8(&written), Ok(json), "{}", payment.case);
            }
        }
    }
}

#[test]
fn every_refusal_of_a_recorded_payment_is_listed() {
    let euro = currency("EUR");
    let refused: BTreeSet<(&str, String)> = json_payments()
        .filter_map(|(payment, json)| Some((payment.case, decode(json, euro).err()?.to_string())))
        .collect();
    let listed =
        REFUSED.iter().flat_map(|(reason, cases)| cases.iter().map(|case| (*case, (*reason).to_owned())));
    assert_eq!(refused, listed.collect());
}

proptest! {
    #[test]
    fn strict_decoder_of_three_fields_reads_every_payment(request in any_request()) {
        let written = JsonCodec::new().encode(&request).value;
        let read: ThreeFields = serde_json::from_slice(&written).unwrap();
        prop_assert_eq!(read.user_id, request.user_id().as_str());
        prop_assert_eq!(read.amount.to_bits(), nearest_double(request.amount()).to_bits());
        prop_assert_eq!(read.method, request.method().as_str());
    }

    #[test]
    fn amount_is_the_shortest_decimal_of_the_nearest_double(amount in any_amount()) {
        prop_assert_eq!(amount.shortest_decimal(), nearest_double(amount).to_string());
    }
}

#[test]
#[ignore = "needs Go: run cargo xtask test"]
fn strict_go_services_read_every_payment_and_write_it_alike() {
    let mut runner = TestRunner::deterministic();
    let sample = (0..20_000).map(|_| any_request().new_tree(&mut runner).unwrap().current());
    let requests: Vec<PaymentRequest> = sample.chain(edges()).collect();
    let written: Vec<String> =
        requests.iter().map(|request| hex(&JsonCodec::new().encode(request).value)).collect();

    let read = go::go(&["decode-strict"], &written);

    assert_eq!(read.len(), requests.len());
    for ((request, written), read) in requests.iter().zip(&written).zip(&read) {
        let user_id = hex(request.user_id().as_str().as_bytes());
        let bits = nearest_double(request.amount()).to_bits();
        let method = hex(request.method().as_str().as_bytes());
        assert_eq!(*read, format!("{user_id}\t{bits:016x}\t{method}\t{written}"), "{}", request.amount());
    }
}

/// As strict as the strictest reader on the other side.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ThreeFields {
    user_id: String,
    amount: f64,
    method: String,
}

fn json_payments() -> impl Iterator<Item = (RecordedPayment, &'static str)> {
    payments().filter_map(|payment| payment.json.map(|json| (payment, json)))
}

/// The amount, where neither it nor the texts beside it are to be refused.
fn acceptable(payment: &RecordedPayment, currency: Currency) -> Option<Money> {
    let in_range = 1..=PaymentRequest::MINOR_MAX;
    let minor = payment.minor(currency.exponent()).filter(|minor| in_range.contains(minor))?;
    // Texts are refused whatever the currency, and stand in the list.
    let is_amount = payment.case.starts_with("amount ");
    let is_listed = REFUSED.iter().any(|(_, cases)| cases.contains(&payment.case));
    (is_amount || !is_listed).then_some(Money::new(minor, currency))
}

fn decode(json: &str, currency: Currency) -> Result<PaymentRequest, DecodeError> {
    JsonCodec::new().with_default_currency(currency).decode(json.as_bytes(), HeadersRef::default())
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// Both are whole numbers that a double holds, so that the division rounds once, to the nearest.
fn nearest_double(amount: Money) -> f64 {
    amount.minor() as f64 / 10_f64.powi(i32::from(amount.currency().exponent()))
}

/// The smallest amounts and the largest, in every currency, and every character that is written by an escape.
fn edges() -> impl Iterator<Item = PaymentRequest> {
    let amounts = CURRENCIES.map(currency).into_iter().flat_map(|currency| {
        let minors = (1..=1_000).chain(PaymentRequest::MINOR_MAX - 1_000..=PaymentRequest::MINOR_MAX);
        minors.map(move |minor| Money::new(minor, currency))
    });
    amounts.map(|amount| request("\"\\<>&\u{2028}\u{2029}/'\u{fffd}", amount, "paypal"))
}

fn any_amount() -> impl Strategy<Value = Money> {
    let largest = PaymentRequest::MINOR_MAX;
    // As many of each length.
    let any_length = (0..=15_u32, 1..10_000_000_000_000_000_i64)
        .prop_map(move |(digits, minor)| (minor / 10_i64.pow(digits)).clamp(1, largest));
    (any_length, prop::sample::select(&CURRENCIES[..]))
        .prop_map(|(minor, code)| Money::new(minor, currency(code)))
}

fn any_request() -> impl Strategy<Value = PaymentRequest> {
    let user = prop_oneof!["[^\\p{Cc}]{1,32}", "[\"\\\\<>&\u{2028}\u{2029}\u{fffd}a-c]{1,12}"];
    (user, any_amount(), "[A-Za-z0-9._-]{1,64}")
        .prop_map(|(user, amount, method)| request(&user, amount, &method))
}

fn request(user: &str, amount: Money, method: &str) -> PaymentRequest {
    PaymentRequest::new(UserId::parse(user).unwrap(), amount, PaymentMethod::parse(method).unwrap()).unwrap()
}
