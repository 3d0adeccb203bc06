//! The protobuf form of a record on the payment topic.

use payflow_core::{
    Codec, Currency, DecodeError, Encoded, HeaderName, Headers, HeadersRef, PaymentHeaders, PaymentRequest,
};
use prost::Message;

use crate::additions;
use crate::generated;

/// [`Codec`] for records whose value is the message `payment.PaymentRequest`.
///
/// What it writes has every field that is known, the exact minor units and the double beside them, and the additions
/// once more as headers: whoever looks at a record without decoding it finds them where the JSON form has them.
///
/// What it reads may come from a service that knows the first three fields only. Fields it does not know are ignored.
/// Where fields and headers, or the two forms of the amount, say different things, the record is refused: neither side
/// is more to be trusted.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProtobufCodec {
    default_currency: Option<Currency>,
}

impl ProtobufCodec {
    /// What the `content-type` header says: the type that IANA lists, of which `application/x-protobuf` is an alias.
    ///
    /// It is written and not asked for: services that write three fields send no headers.
    pub const CONTENT_TYPE: &'static str = "application/protobuf";

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

impl Codec<PaymentRequest> for ProtobufCodec {
    fn encode(&self, body: &PaymentRequest) -> Encoded {
        let mut headers = Headers::new();
        headers.append(HeaderName::CONTENT_TYPE, Self::CONTENT_TYPE);
        PaymentHeaders::of(body).append_to(&mut headers);
        Encoded { value: generated::PaymentRequest::from(body).encode_to_vec().into(), headers }
    }

    fn decode(&self, value: &[u8], headers: HeadersRef<'_>) -> Result<PaymentRequest, DecodeError> {
        let message = generated::PaymentRequest::decode(value)
            .map_err(|error| DecodeError::Malformed(error.to_string()))?;
        let additions = additions::agreed(additions::stated_in(&message)?, PaymentHeaders::read(headers)?)?;
        Ok(message.with_additions(additions, self.default_currency)?)
    }
}

#[cfg(test)]
mod tests;
