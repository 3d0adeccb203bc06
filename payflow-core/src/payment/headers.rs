//! What the headers of a record say of a payment, beside the three fields of its value.

use jiff::Timestamp;

use super::{Field, InvalidPayment, PaymentId, PaymentRequest, time};
use crate::money::Currency;
use crate::record::{HeaderName, Headers, HeadersRef};

/// The additions to the wire contract that travel as record headers, whatever the codec: so those who only pass a record
/// on find the payment's identity without decoding it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PaymentHeaders {
    /// [`HeaderName::CURRENCY`].
    pub currency: Option<Currency>,
    /// [`HeaderName::PAYMENT_ID`].
    pub payment_id: Option<PaymentId>,
    /// [`HeaderName::CREATED_AT`].
    pub created_at: Option<Timestamp>,
}

impl PaymentHeaders {
    /// What a record of this request says.
    #[must_use]
    pub const fn of(request: &PaymentRequest) -> Self {
        Self {
            currency: Some(request.amount().currency()),
            payment_id: request.id(),
            created_at: request.created_at(),
        }
    }

    /// Reads what is there; a record of a foreign service has none of them.
    ///
    /// # Errors
    /// A header is there and says nonsense.
    #[inline]
    pub fn read(headers: HeadersRef<'_>) -> Result<Self, InvalidPayment> {
        if headers.is_empty() { Ok(Self::default()) } else { Self::read_any(headers) }
    }

    fn read_any(headers: HeadersRef<'_>) -> Result<Self, InvalidPayment> {
        let own = headers.own_values();
        Ok(Self {
            currency: read(
                own.get(HeaderName::CURRENCY),
                Field::Currency,
                |_| None,
                |text| Currency::parse(text).map_err(|error| error.to_string()),
            )?,
            payment_id: read(
                own.get(HeaderName::PAYMENT_ID),
                Field::PaymentId,
                PaymentId::of_ascii,
                |text| PaymentId::parse(text).map_err(|error| error.to_string()),
            )?,
            created_at: read(own.get(HeaderName::CREATED_AT), Field::CreatedAt, time::usual, |text| {
                time::read(text).map_err(|_| "is not an RFC 3339 time".to_owned())
            })?,
        })
    }

    /// Adds a header for each that is there.
    pub fn append_to(self, headers: &mut Headers) {
        if let Some(currency) = self.currency {
            headers.append(HeaderName::CURRENCY, currency.code());
        }
        if let Some(id) = self.payment_id {
            headers.append(HeaderName::PAYMENT_ID, id.write_text(&mut [0; PaymentId::TEXT_BYTES]));
        }
        if let Some(created_at) = self.created_at {
            let mut room = time::Room::default();
            headers.append(HeaderName::CREATED_AT, time::text(created_at, &mut room));
        }
    }
}

/// By `usual`, which needs not know that the value is text and says nothing of what it does not know, or else by `parse`.
#[inline]
fn read<V>(
    value: Option<&[u8]>,
    field: Field,
    usual: impl FnOnce(&[u8]) -> Option<V>,
    parse: impl FnOnce(&str) -> Result<V, String>,
) -> Result<Option<V>, InvalidPayment> {
    let Some(value) = value else {
        return Ok(None);
    };
    if let Some(read) = usual(value) {
        return Ok(Some(read));
    }
    let text = str::from_utf8(value).map_err(|_| InvalidPayment::new(field, "is not UTF-8"))?;
    parse(text).map(Some).map_err(|reason| InvalidPayment::new(field, reason))
}
