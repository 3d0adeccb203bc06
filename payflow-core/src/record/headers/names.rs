//! The names that payflow's own headers have.

/// The names of headers that payflow uses or passes on. In a record they take a byte.
#[derive(Debug)]
pub enum HeaderName {}

impl HeaderName {
    /// `payflow-payment-id`: the [`PaymentId`](crate::PaymentId), hyphenated.
    pub const PAYMENT_ID: &'static str = "payflow-payment-id";
    /// `payflow-currency`: the ISO 4217 code of the amount.
    pub const CURRENCY: &'static str = "payflow-currency";
    /// `payflow-created-at`: when the intake accepted the request, RFC 3339.
    pub const CREATED_AT: &'static str = "payflow-created-at";
    /// `payflow-fingerprint`: the [`Fingerprint`](crate::Fingerprint) of a request that came with an idempotency key.
    pub const FINGERPRINT: &'static str = "payflow-fingerprint";
    /// `content-type`: the media type of the value.
    pub const CONTENT_TYPE: &'static str = "content-type";
    /// `traceparent`, W3C Trace Context.
    pub const TRACEPARENT: &'static str = "traceparent";
    /// `tracestate`, W3C Trace Context.
    pub const TRACESTATE: &'static str = "tracestate";

    pub(super) const KNOWN: [&'static str; 7] = [
        Self::PAYMENT_ID,
        Self::CURRENCY,
        Self::CREATED_AT,
        Self::FINGERPRINT,
        Self::CONTENT_TYPE,
        Self::TRACEPARENT,
        Self::TRACESTATE,
    ];
}

/// The place of a name in [`HeaderName::KNOWN`]. A match takes a few instructions, and none where the name is a constant.
#[inline]
pub(super) fn known(name: &str) -> Option<u8> {
    Some(match name {
        HeaderName::PAYMENT_ID => 0,
        HeaderName::CURRENCY => 1,
        HeaderName::CREATED_AT => 2,
        HeaderName::FINGERPRINT => 3,
        HeaderName::CONTENT_TYPE => 4,
        HeaderName::TRACEPARENT => 5,
        HeaderName::TRACESTATE => 6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_name_has_its_place() {
        for (place, name) in (0..).zip(HeaderName::KNOWN) {
            assert_eq!(known(name), Some(place));
        }
        assert_eq!(known("payflow-payment-ie"), None);
    }
}
