//! The JSON form of a payment request: what `POST /pay` takes and what stands on the topic.

mod reader;
mod writer;

use jiff::Timestamp;

pub use reader::{JsonError, JsonPayment};

use crate::codec::{Codec, DecodeError, Encoded};
use crate::money::Currency;
use crate::payment::{Field, InvalidPayment, PaymentId, PaymentRequest};
use crate::record::{HeaderName, Headers};

/// [`Codec`] for the JSON value on the payment topic: exactly `userId`, `amount` and `method`; all else in headers.
///
/// What it writes is byte for byte what Go's `encoding/json` writes for a struct of those three fields, so a strict
/// decoder on the other side keeps working. What it reads may come from such a service: fields it does not know are
/// ignored, `user_id` is taken for `userId`, and headers may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonCodec {
    default_currency: Option<Currency>,
}

impl JsonCodec {
    /// A codec that refuses records that name no currency.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            default_currency: None,
        }
    }

    /// The same codec, for a topic whose writers do not name the currency and mean this one.
    #[must_use]
    pub const fn with_default_currency(self, currency: Currency) -> Self {
        Self {
            default_currency: Some(currency),
        }
    }
}

impl Codec<PaymentRequest> for JsonCodec {
    fn encode(&self, body: &PaymentRequest) -> Encoded {
        let mut headers = Headers::new();
        headers.append(HeaderName::CONTENT_TYPE, "application/json");
        headers.append(HeaderName::CURRENCY, body.amount().currency().code());
        if let Some(id) = body.id() {
            headers.append(HeaderName::PAYMENT_ID, id.to_string());
        }
        if let Some(created_at) = body.created_at() {
            headers.append(HeaderName::CREATED_AT, created_at.to_string());
        }
        Encoded {
            value: writer::three_fields(body).into(),
            headers,
        }
    }

    fn decode(&self, value: &[u8], headers: &Headers) -> Result<PaymentRequest, DecodeError> {
        let payment = JsonPayment::read(value).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        let stated = payment.currency()?;
        let currency = match (header_currency(headers)?, stated) {
            (Some(header), Some(value)) if header != value => {
                return Err(InvalidPayment::new(Field::Currency, "differs between header and value").into());
            }
            (Some(currency), _) | (None, Some(currency)) => Some(currency),
            (None, None) => self.default_currency,
        };
        let request = payment.request(currency)?;
        Ok(request.with_identity(header_id(headers)?, header_created_at(headers)?))
    }
}

fn header_currency(headers: &Headers) -> Result<Option<Currency>, InvalidPayment> {
    header(headers, HeaderName::CURRENCY, Field::Currency, |text| {
        Currency::parse(text).map_err(|e| e.to_string())
    })
}

fn header_id(headers: &Headers) -> Result<Option<PaymentId>, InvalidPayment> {
    header(headers, HeaderName::PAYMENT_ID, Field::PaymentId, |text| {
        PaymentId::parse(text).map_err(|e| e.to_string())
    })
}

fn header_created_at(headers: &Headers) -> Result<Option<Timestamp>, InvalidPayment> {
    header(headers, HeaderName::CREATED_AT, Field::CreatedAt, |text| {
        text.parse().map_err(|_| "is not an RFC 3339 time".to_owned())
    })
}

fn header<V>(
    headers: &Headers,
    name: &str,
    field: Field,
    parse: impl FnOnce(&str) -> Result<V, String>,
) -> Result<Option<V>, InvalidPayment> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value).map_err(|_| InvalidPayment::new(field, "is not UTF-8"))?;
    parse(text)
        .map(Some)
        .map_err(|reason| InvalidPayment::new(field, reason))
}

#[cfg(test)]
mod tests;
