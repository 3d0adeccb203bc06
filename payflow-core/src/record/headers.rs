//! Record headers: named bytes beside the payload.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The headers of a record, in order; a name may stand more than once.
///
/// Cloning counts a reference, and a record without headers allocates nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<Vec<Header>>>);

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Adds a header behind those that are there.
    pub fn append(&mut self, name: impl Into<HeaderName>, value: impl Into<Bytes>) {
        self.push(Header { name: name.into(), value: Some(value.into()) });
    }

    /// Adds a header, whose value may be absent, behind those that are there.
    pub fn push(&mut self, header: Header) {
        Arc::make_mut(self.0.get_or_insert_default()).push(header);
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        if self.iter().any(|header| header.name.as_str() == name) {
            Arc::make_mut(self.0.get_or_insert_default()).retain(|header| header.name.as_str() != name);
        }
    }

    /// The value of the last header of this name: what was added later tells what holds now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.iter().rev().find(|header| header.name.as_str() == name)?.value.as_ref()
    }

    /// The value of the last header of this name, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.as_ref().map_or(&[][..], |headers| headers.as_slice()).iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|headers| headers.is_empty())
    }

    /// Names and values together, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.iter()
            .map(|header| header.name.as_str().len() + header.value.as_ref().map_or(0, Bytes::len))
            .sum()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        let headers: Vec<Header> = headers.into_iter().collect();
        Self((!headers.is_empty()).then(|| Arc::new(headers)))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|header| header.name.as_str())).finish()
    }
}

/// One header.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: HeaderName,
    /// Its value; Kafka tells an absent one from an empty one.
    pub value: Option<Bytes>,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} bytes", self.name.as_str(), self.value.as_ref().map(Bytes::len))
    }
}

/// The name of a header. The names that payflow uses itself are not allocated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderName(Cow<'static, str>);

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

    const KNOWN: [&'static str; 7] = [
        Self::PAYMENT_ID,
        Self::CURRENCY,
        Self::CREATED_AT,
        Self::FINGERPRINT,
        Self::CONTENT_TYPE,
        Self::TRACEPARENT,
        Self::TRACESTATE,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for HeaderName {
    fn from(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|known| *known == name);
        Self(known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_header_of_a_name_holds() {
        let mut headers = Headers::new();
        headers.append("a", "1");
        headers.append("a", "2");
        assert_eq!(headers.text("a"), Some("2"));
        assert_eq!(headers.len(), 2);
        headers.remove("a");
        assert!(headers.is_empty());
    }

    #[test]
    fn a_clone_is_not_changed_by_its_original() {
        let mut headers = Headers::new();
        headers.append("a", "1");
        let clone = headers.clone();
        headers.append("b", "2");
        assert_eq!(clone.len(), 1);
    }

    #[test]
    fn an_absent_value_is_not_an_empty_one() {
        let headers: Headers = [Header { name: "a".into(), value: None }].into_iter().collect();
        assert_eq!(headers.get("a"), None);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_text() {
        let mut headers = Headers::new();
        headers.append("a", vec![0xff]);
        assert_eq!(headers.text("a"), None);
        assert!(headers.get("a").is_some());
    }
}
