//! Beside Go services that know the first three fields: what they recorded is read exactly, and they read what is written.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

#[path = "../../interop/go.rs"]
mod go;
#[path = "../../interop/recorded.rs"]
mod recorded;

use jiff::Timestamp;
use payflow_core::{Codec, Currency, DecodeError, HeadersRef, Money, PaymentId, PaymentRequest};
use payflow_proto::{Notification, PaymentRequest as WireRequest, ProtobufCodec};
use prost::Message;
use recorded::{RecordedPayment, hex, messages, payments};

/// One currency for each number of decimals that there is: 0, 2, 3 and 4.
const CURRENCIES: [&str; 4] = ["JPY", "EUR", "BHD", "CLF"];

/// Cases that are refused for a text, whatever the amount. The JSON form refuses the same.
const REFUSED_TEXTS: &[&str] = &[
    "user that is empty",
    "user of 129 bytes",
    "user with a NUL",
    "user with a tab",
    "user with a line feed",
    "user with a carriage return",
    "user with a backspace and a form feed",
    "user with an escape character",
    "user with a delete character",
    "user with a C1 control",
    "method that is empty",
    "method of 65 characters",
    "method with a space",
    "method beyond ASCII",
    "method with signs of HTML",
    "method with a NUL",
];

#[test]
fn recorded_payment_is_read_exactly_and_written_alike() {
    for (payment, recorded) in protobuf_payments() {
        for currency in CURRENCIES.map(currency) {
            let Some(amount) = acceptable(&payment, currency) else {
                assert!(decode(&recorded, currency).is_err(), "{}, {currency}", payment.case);
                continue;
            };

            let read =
                decode(&recorded, currency).unwrap_or_else(|error| panic!("{}: {error}", payment.case));
            assert_eq!(read.amount(), amount, "{}", payment.case);
            assert_eq!(read.user_id().as_str().as_bytes(), payment.user_id, "{}", payment.case);
            assert_eq!(read.method().as_str().as_bytes(), payment.method, "{}", payment.case);

            let WireRequest { user_id, amount, method, .. } = WireRequest::from(&read);
            let three_fields = WireRequest { user_id, amount, method, ..WireRequest::default() };
            assert_eq!(three_fields.encode_to_vec(), recorded, "{}", payment.case);
        }
    }
}

#[test]
fn texts_that_are_refused_are_the_same_in_both_forms() {
    let euro = currency("EUR");
    let refused = protobuf_payments()
        .filter(|(payment, bytes)| !is_about_amount(payment) && decode(bytes, euro).is_err())
        .map(|(payment, _)| payment.case);
    assert_eq!(refused.collect::<Vec<_>>(), REFUSED_TEXTS);
}

#[test]
fn unusual_forms_of_a_payment_are_the_same_payment() {
    let usual = payments().find(|payment| payment.case == "amount 49.99").unwrap();
    let usual = decode(&usual.protobuf.unwrap(), currency("EUR")).unwrap();
    let unusual: Vec<_> = messages().filter(|recorded| recorded.message == "PaymentRequest").collect();
    assert_eq!(unusual.len(), 3);
    for recorded in unusual {
        assert_eq!(decode(&recorded.protobuf, currency("EUR")).as_ref(), Ok(&usual), "{}", recorded.case);
    }
}

#[test]
fn notification_of_two_fields_is_read_and_refused_for_its_missing_id() {
    let recorded: Vec<_> = messages().filter(|recorded| recorded.message == "Notification").collect();
    let read: Vec<_> =
        recorded.iter().map(|recorded| Notification::decode(&recorded.protobuf[..]).unwrap()).collect();
    let of = |user_id: &str, message: &str| Notification {
        user_id: user_id.into(),
        message: message.into(),
        ..Notification::default()
    };
    let expected =
        [of("u001", "Payment of 49.99 by paypal received"), of("名前", "Zahlung über 49,99 €"), of("", "")];
    assert_eq!(read, expected);
    for (recorded, notification) in recorded.iter().zip(&read) {
        assert_eq!(notification.encode_to_vec(), recorded.protobuf, "{}", recorded.case);
    }

    let refused = payflow_core::Notification::try_from(&read[0]).unwrap_err();
    assert_eq!(refused.field(), "notificationId");
}

#[test]
#[ignore = "needs Go: run cargo xtask test"]
fn go_services_of_three_fields_read_every_payment_and_keep_the_rest() {
    let accepted = protobuf_payments().flat_map(|(payment, recorded)| {
        let currencies = CURRENCIES.map(currency).into_iter();
        let acceptable: Vec<_> =
            currencies.filter(|currency| acceptable(&payment, *currency).is_some()).collect();
        acceptable.into_iter().map(move |currency| decode(&recorded, currency).unwrap())
    });
    let identity = PaymentId::parse("01945b1e-7c5d-7c3e-9a2b-0123456789ab").unwrap();
    let identified = |request: PaymentRequest| request.identified(identity, Timestamp::UNIX_EPOCH);
    let requests: Vec<PaymentRequest> =
        accepted.flat_map(|request| [identified(request.clone()), request]).collect();
    assert!(requests.len() > 300, "{}", requests.len());
    let written: Vec<String> =
        requests.iter().map(|request| hex(&ProtobufCodec::new().encode(request).value)).collect();

    let read = go::go(&["decode-protobuf"], &written);

    assert_eq!(read.len(), requests.len());
    for ((request, written), read) in requests.iter().zip(&written).zip(&read) {
        let user_id = hex(request.user_id().as_str().as_bytes());
        let bits = nearest_double(request.amount()).to_bits();
        let method = hex(request.method().as_str().as_bytes());
        assert_eq!(*read, format!("{user_id}\t{bits:016x}\t{method}\t{written}"), "{}", request.amount());
    }
}

fn protobuf_payments() -> impl Iterator<Item = (RecordedPayment, Vec<u8>)> {
    payments().filter_map(|mut payment| payment.protobuf.take().map(|recorded| (payment, recorded)))
}

/// The amount, where neither it nor the texts beside it are to be refused.
fn acceptable(payment: &RecordedPayment, currency: Currency) -> Option<Money> {
    let in_range = 1..=PaymentRequest::MINOR_MAX;
    let minor = payment.minor(currency.exponent()).filter(|minor| in_range.contains(minor))?;
    let taken = !REFUSED_TEXTS.contains(&payment.case);
    taken.then_some(Money::new(minor, currency))
}

fn is_about_amount(payment: &RecordedPayment) -> bool {
    payment.case.starts_with("amount ")
}

fn decode(value: &[u8], currency: Currency) -> Result<PaymentRequest, DecodeError> {
    ProtobufCodec::new().with_default_currency(currency).decode(value, HeadersRef::default())
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// Both are whole numbers that a double holds, so that the division rounds once, to the nearest.
fn nearest_double(amount: Money) -> f64 {
    amount.minor() as f64 / 10_f64.powi(i32::from(amount.currency().exponent()))
}
