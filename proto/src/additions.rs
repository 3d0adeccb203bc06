//! What the contract added to the three first fields, as the message's own fields say it.

use jiff::Timestamp;
use payflow_core::{Currency, Field, InvalidPayment, PaymentHeaders, PaymentId};

use crate::generated;

/// The additions that the message states in its fields.
pub(crate) fn stated_in(message: &generated::PaymentRequest) -> Result<PaymentHeaders, InvalidPayment> {
    Ok(PaymentHeaders {
        currency: stated(&message.currency).map(currency).transpose()?,
        payment_id: stated(&message.payment_id).map(payment_id).transpose()?,
        created_at: message.created_at.map(timestamp).transpose()?,
    })
}

/// What fields and headers say together.
///
/// The id in the message wins: a dead letter whose record bore one in the message alone has another, derived one in its
/// header. Of the rest neither is more likely to be right, so they must agree.
pub(crate) fn agreed(
    fields: PaymentHeaders,
    headers: PaymentHeaders,
) -> Result<PaymentHeaders, InvalidPayment> {
    Ok(PaymentHeaders {
        currency: equal(fields.currency, headers.currency, Field::Currency)?,
        payment_id: fields.payment_id.or(headers.payment_id),
        created_at: equal(fields.created_at, headers.created_at, Field::CreatedAt)?,
    })
}

/// The message's form of a time, if it has one: protobuf's begins with the year 1, and only a header can hold what was
/// before.
pub(crate) fn message_timestamp(time: Timestamp) -> Option<prost_types::Timestamp> {
    let timestamp = prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() };
    Some(timestamp.normalized()).filter(|normalized| normalized.seconds >= SECONDS_MIN)
}

/// 0001-01-01T00:00:00Z, where `google.protobuf.Timestamp` begins.
const SECONDS_MIN: i64 = -62_135_596_800;

fn equal<V: PartialEq>(
    field: Option<V>,
    header: Option<V>,
    name: Field,
) -> Result<Option<V>, InvalidPayment> {
    match (field, header) {
        (Some(field), Some(header)) if field != header => {
            Err(InvalidPayment::new(name, "differs between header and value"))
        }
        (field, header) => Ok(field.or(header)),
    }
}

/// An empty text is how proto3 writes an absent one.
fn stated(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn currency(code: &str) -> Result<Currency, InvalidPayment> {
    Currency::parse(code).map_err(|reason| InvalidPayment::new(Field::Currency, reason.to_string()))
}

fn payment_id(text: &str) -> Result<PaymentId, InvalidPayment> {
    PaymentId::parse(text).map_err(|reason| InvalidPayment::new(Field::PaymentId, reason.to_string()))
}

fn timestamp(stated: prost_types::Timestamp) -> Result<Timestamp, InvalidPayment> {
    let refused = |reason| InvalidPayment::new(Field::CreatedAt, reason);
    if !(0..1_000_000_000).contains(&stated.nanos) {
        return Err(refused("must have 0 to 999999999 nanos"));
    }
    if stated.seconds < SECONDS_MIN {
        return Err(refused("is before the year 1"));
    }
    Timestamp::new(stated.seconds, stated.nanos).map_err(|_| refused("is after the year 9999"))
}
