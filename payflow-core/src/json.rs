//! The JSON form of a payment request: what `POST /pay` takes and what stands on the topic.

mod fast;
mod reader;
mod writer;

pub use reader::{JsonError, JsonPayment};

use fast::Usual;

use crate::codec::{Codec, DecodeError, Encoded};
use crate::money::Currency;
use crate::payment::{Field, InvalidPayment, PaymentHeaders, PaymentRequest};
use crate::record::{HeaderName, Headers, HeadersRef};

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
        Self { default_currency: None }
    }

    /// The same codec, for a topic whose writers do not name the currency and mean this one.
    #[must_use]
    pub const fn with_default_currency(self, currency: Currency) -> Self {
        Self { default_currency: Some(currency) }
    }
}

impl Codec<PaymentRequest> for JsonCodec {
    fn encode(&self, body: &PaymentRequest) -> Encoded {
        let mut headers = Headers::new();
        headers.append(HeaderName::CONTENT_TYPE, "application/json");
        PaymentHeaders::of(body).append_to(&mut headers);
        Encoded { value: writer::three_fields(body).into(), headers }
    }

    fn decode(&self, value: &[u8], headers: HeadersRef<'_>) -> Result<PaymentRequest, DecodeError> {
        // Nearly every record: nothing in it is to be judged but its fields.
        if let Some(usual) = Usual::read(value)
            && !usual.states_currency()
        {
            let beside = PaymentHeaders::read(headers)?;
            let currency = beside.currency.or(self.default_currency);
            if let Some(request) = currency.and_then(|currency| usual.request(currency)) {
                return Ok(request.with_identity(beside.payment_id, beside.created_at));
            }
        }
        let payment = JsonPayment::read(value).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        let stated = payment.currency()?;
        let stated_beside = PaymentHeaders::read(headers)?;
        let currency = match (stated_beside.currency, stated) {
            (Some(header), Some(value)) if header != value => {
                return Err(InvalidPayment::new(Field::Currency, "differs between header and value").into());
            }
            (header, value) => header.or(value).or(self.default_currency),
        };
        let request = payment.request(currency)?;
        Ok(request.with_identity(stated_beside.payment_id, stated_beside.created_at))
    }
}

#[cfg(test)]
mod tests;
