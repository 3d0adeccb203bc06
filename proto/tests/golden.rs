//! Bytes that others write, recorded: Go's `google.golang.org/protobuf` and Python's `protobuf`, each with code that it
//! generated from `payment.proto` itself. Both gave the same bytes for every message here, and so must this crate.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

use payflow_core::{Codec, Currency, HeadersRef, Money, PaymentId, PaymentMethod, UserId};
use payflow_proto::acknowledgement::{Accepted, Delivered, Outcome, Rejected, RetryLater};
use payflow_proto::{Acknowledgement, Notification, PaymentAccepted, PaymentRequest, ProtobufCodec};
use prost::Message;

const ID: &str = "01945b1e-7c5d-7c3e-9a2b-0123456789ab";

const USER_ID: &[u8] = b"\x0a\x04u001";
/// 49.99: 0x4048feb851eb851f, its lowest byte first.
const AMOUNT: &[u8] = b"\x11\x1f\x85\xeb\x51\xb8\xfe\x48\x40";
const METHOD: &[u8] = b"\x1a\x06paypal";
const PAYMENT_ID: &[u8] = b"\x22\x2401945b1e-7c5d-7c3e-9a2b-0123456789ab";
const CURRENCY: &[u8] = b"\x2a\x03EUR";
const AMOUNT_MINOR: &[u8] = b"\x30\x87\x27";
const CREATED_AT: &[u8] = b"\x3a\x0c\x08\xa5\xeb\xdc\xca\x06\x10\x80\xeb\xa5\xc3\x02";

fn request() -> payflow_core::PaymentRequest {
    let euro = Currency::parse("EUR").unwrap();
    payflow_core::PaymentRequest::new(
        UserId::parse("u001").unwrap(),
        Money::new(4_999, euro),
        PaymentMethod::parse("paypal").unwrap(),
    )
    .unwrap()
}

#[test]
fn three_fields_of_a_go_service_are_read_and_written_alike() {
    let recorded = [USER_ID, AMOUNT, METHOD].concat();
    let message = PaymentRequest {
        user_id: "u001".into(),
        amount: 49.99,
        method: "paypal".into(),
        ..PaymentRequest::default()
    };
    assert_eq!(message.encode_to_vec(), recorded);

    let codec = ProtobufCodec::new().with_default_currency(Currency::parse("EUR").unwrap());
    assert_eq!(codec.decode(&recorded, HeadersRef::default()), Ok(request()));
}

#[test]
fn all_seven_fields_are_read_and_written_alike() {
    let recorded = [USER_ID, AMOUNT, METHOD, PAYMENT_ID, CURRENCY, AMOUNT_MINOR, CREATED_AT].concat();
    let created_at = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let request = request().identified(PaymentId::parse(ID).unwrap(), created_at);

    assert_eq!(ProtobufCodec::new().encode(&request).value, recorded);
    assert_eq!(ProtobufCodec::new().decode(&recorded, HeadersRef::default()), Ok(request));
}

#[test]
fn fields_of_a_later_contract_and_any_order_are_read() {
    // Field 99 as a text, field 100 as a number, and the known ones from behind; the last of a repeated one holds.
    let later: &[u8] = b"\x9a\x06\x05later\xa0\x06\x2a";
    let first = b"\x1a\x04card";
    let recorded = [later, first, AMOUNT_MINOR, CURRENCY, METHOD, later, AMOUNT, USER_ID].concat();
    assert_eq!(ProtobufCodec::new().decode(&recorded, HeadersRef::default()), Ok(request()));
}

#[test]
fn what_was_accepted_is_written_alike() {
    let accepted = PaymentAccepted { payment_id: ID.into() };
    assert_eq!(accepted.encode_to_vec(), b"\x0a\x2401945b1e-7c5d-7c3e-9a2b-0123456789ab");
}

#[test]
fn a_notification_is_written_alike() {
    let notification = Notification {
        user_id: "u001".into(),
        message: "Payment of 49.99 EUR by paypal received".into(),
        notification_id: "c2f9a7de-4f0b-5b6a-8c53-2e73f84d1c53".into(),
        payment_id: ID.into(),
        fingerprint: "97a46e1bd85f5b29a3f070c619bee884".into(),
    };
    let recorded = [
        USER_ID,
        b"\x12\x27Payment of 49.99 EUR by paypal received",
        b"\x1a\x24c2f9a7de-4f0b-5b6a-8c53-2e73f84d1c53",
        PAYMENT_ID,
        b"\x2a\x2097a46e1bd85f5b29a3f070c619bee884",
    ]
    .concat();
    assert_eq!(notification.encode_to_vec(), recorded);
}

#[test]
fn every_acknowledgement_is_read_and_written_alike() {
    let delay = Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 });
    let reason = "no such payer".to_owned();
    let cases: [(Outcome, &[u8]); 5] = [
        (Outcome::Accepted(Accepted {}), b"\x0a\x00"),
        (Outcome::Delivered(Delivered {}), b"\x12\x00"),
        (
            Outcome::RetryLater(RetryLater { delay, held: false }),
            b"\x1a\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01",
        ),
        (Outcome::RetryLater(RetryLater { delay: None, held: true }), b"\x1a\x02\x10\x01"),
        (Outcome::Rejected(Rejected { reason }), b"\x22\x0f\x0a\x0dno such payer"),
    ];
    for (outcome, recorded) in cases {
        let outcome = Some(outcome);
        let acknowledgement = Acknowledgement { outcome };
        assert_eq!(acknowledgement.encode_to_vec(), recorded);
        assert_eq!(Acknowledgement::decode(recorded), Ok(acknowledgement));
    }
}
