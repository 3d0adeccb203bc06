//! Record headers: named bytes beside the payload.

use std::fmt;

use bytes::Bytes;

/// The headers of a record, in order; a name may stand more than once.
///
/// They lie one behind another in one piece of memory: a record without any takes none, and a transport may hand over a
/// slice of the buffer that its record lies in. To clone those counts a reference; to clone others copies them.
#[derive(Clone)]
pub struct Headers(
    /// `None` if there are none, which costs nothing to make and to drop. A pointer, since each record has room for it.
    Option<Box<Packed>>,
);

#[derive(Clone)]
enum Packed {
    Own(Vec<u8>),
    Slice(Bytes),
}

impl Headers {
    /// No headers.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// For adapters: the headers that [`pack`](Self::pack) wrote one behind another. What it did not write says nothing.
    #[must_use]
    pub fn packed(slice: Bytes) -> Self {
        Self((!slice.is_empty()).then(|| Box::new(Packed::Slice(slice))))
    }

    /// For adapters: writes a header behind those in a buffer, so that a slice of it is [headers](Self::packed).
    #[inline]
    pub fn pack(into: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
        match known(name) {
            Some(known) => into.push(known),
            None => {
                into.push(OTHER);
                into.extend_from_slice(&(name.len() as u64).to_le_bytes());
                into.extend_from_slice(name.as_bytes());
            }
        }
        let length = value.map_or(ABSENT, |value| value.len() as u64);
        into.extend_from_slice(&length.to_le_bytes());
        into.extend_from_slice(value.unwrap_or_default());
    }

    /// Adds a header behind those that are there.
    #[inline]
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.push(Header { name, value: Some(value.as_ref()) });
    }

    /// Adds a header, whose value may be absent, behind those that are there.
    #[inline]
    pub fn push(&mut self, header: Header<'_>) {
        let packed = self.0.get_or_insert_with(|| Box::new(Packed::Own(Vec::with_capacity(USUAL_BYTES))));
        Self::pack(packed.own(), header.name, header.value);
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        if self.iter().any(|header| header.name == name) {
            *self = self.iter().filter(|header| header.name != name).collect();
        }
    }

    /// The value of the last header of this name: what was added later tells what holds now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().filter(|header| header.name == name).last()?.value
    }

    /// The value of the last header of this name, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers, in order.
    #[must_use]
    pub fn iter(&self) -> HeadersIter<'_> {
        HeadersIter { rest: self.bytes() }
    }

    /// The values of payflow's own headers.
    #[inline]
    pub(crate) fn own_values(&self) -> OwnValues<'_> {
        let mut values = OwnValues([None; HeaderName::KNOWN.len()]);
        let mut entries = self.iter();
        while let Some((name, value)) = entries.next_entry() {
            if let Name::Known(place) = name
                && let Some(last) = values.0.get_mut(usize::from(place))
            {
                *last = value;
            }
        }
        values
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Names and values together, in bytes.
    #[must_use]
    #[inline]
    pub fn size_bytes(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        self.iter().map(|header| header.name.len() + header.value.map_or(0, <[u8]>::len)).sum()
    }

    /// The memory that they take, in bytes. Unlike [`size_bytes`](Self::size_bytes) it is not counted by a walk over them.
    #[inline]
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes().len()
    }

    /// Copies what is a slice of a larger buffer, and lets go of that.
    pub(crate) fn copy_out(&mut self) {
        if let Some(packed) = &mut self.0 {
            packed.own();
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self.0.as_deref() {
            None => &[],
            Some(Packed::Own(bytes)) => bytes,
            Some(Packed::Slice(slice)) => slice,
        }
    }
}

impl Packed {
    /// The bytes in memory of their own.
    fn own(&mut self) -> &mut Vec<u8> {
        if let Self::Slice(slice) = self {
            *self = Self::Own(slice.to_vec());
        }
        match self {
            Self::Own(bytes) => bytes,
            Self::Slice(_) => unreachable!("it was just copied"),
        }
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        // One list of headers is written in one way.
        self.bytes() == other.bytes()
    }
}

impl Eq for Headers {}

impl<'a> IntoIterator for &'a Headers {
    type Item = Header<'a>;
    type IntoIter = HeadersIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> FromIterator<Header<'a>> for Headers {
    fn from_iter<I: IntoIterator<Item = Header<'a>>>(headers: I) -> Self {
        let mut own = Self::new();
        headers.into_iter().for_each(|header| own.push(header));
        own
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|header| header.name)).finish()
    }
}

/// One header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value; Kafka tells an absent one from an empty one.
    pub value: Option<&'a [u8]>,
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} bytes", self.name, self.value.map(<[u8]>::len))
    }
}

/// The headers of a record, one by one: see [`Headers::iter`].
#[derive(Clone)]
pub struct HeadersIter<'a> {
    rest: &'a [u8],
}

/// A name as it stands in the piece of memory.
enum Name<'a> {
    /// By its place in [`HeaderName::KNOWN`].
    Known(u8),
    Other(&'a [u8]),
}

impl<'a> HeadersIter<'a> {
    #[inline]
    fn next_entry(&mut self) -> Option<(Name<'a>, Option<&'a [u8]>)> {
        let (kind, rest) = self.rest.split_first()?;
        let (name, rest) = if usize::from(*kind) < HeaderName::KNOWN.len() {
            (Name::Known(*kind), rest)
        } else {
            let (length, rest) = length(rest)?;
            let (name, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Name::Other(name), rest)
        };
        let (length, rest) = length(rest)?;
        let (value, rest) = match length {
            ABSENT => (None, rest),
            length => {
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Some(value), rest)
            }
        };
        self.rest = rest;
        Some((name, value))
    }
}

impl<'a> Iterator for HeadersIter<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        let (name, value) = self.next_entry()?;
        let name = match name {
            Name::Known(place) => HeaderName::KNOWN.get(usize::from(place))?,
            Name::Other(name) => std::str::from_utf8(name).ok()?,
        };
        Some(Header { name, value })
    }
}

impl fmt::Debug for HeadersIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.clone().map(|header| header.name)).finish()
    }
}

/// The value of the last header of each name in [`HeaderName::KNOWN`], in that order.
#[derive(Debug)]
pub(crate) struct OwnValues<'a>([Option<&'a [u8]>; HeaderName::KNOWN.len()]);

impl<'a> OwnValues<'a> {
    /// The value of the last header of this name, if it is one of payflow's own.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&'a [u8]> {
        *self.0.get(usize::from(known(name)?))?
    }
}

fn length(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*length), rest))
}

/// A header begins with the place of its name in [`HeaderName::KNOWN`], or with this and the name.
const OTHER: u8 = u8::MAX;
/// In the place of the length of a value.
const ABSENT: u64 = u64::MAX;
/// What the headers of a payment take.
const USUAL_BYTES: usize = 160;

/// The names of headers that payflow uses itself. In a record they take a byte.
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

    const KNOWN: [&'static str; 7] = [
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
fn known(name: &str) -> Option<u8> {
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_known_name_has_its_place() {
        for (place, name) in (0..).zip(HeaderName::KNOWN) {
            assert_eq!(known(name), Some(place));
        }
        assert_eq!(known("payflow-payment-ie"), None);
    }

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
    fn own_values_are_those_that_are_got_by_their_names() {
        let mut headers = Headers::new();
        for (name, value) in [
            (HeaderName::CURRENCY, Some("EUR")),
            ("payflow-currency ", Some("of another name")),
            (HeaderName::TRACESTATE, Some("")),
            (HeaderName::CURRENCY, Some("USD")),
            (HeaderName::PAYMENT_ID, Some("an id")),
            (HeaderName::PAYMENT_ID, None),
        ] {
            headers.push(Header { name, value: value.map(str::as_bytes) });
        }
        let own = headers.own_values();
        for name in HeaderName::KNOWN {
            assert_eq!(own.get(name), headers.get(name), "{name}");
        }
        assert_eq!(own.get(HeaderName::CURRENCY), Some(&b"USD"[..]));
        assert_eq!(own.get("payflow-currency "), None);
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
        let headers: Headers = [Header { name: "a", value: None }].into_iter().collect();
        assert_eq!(headers.get("a"), None);
        assert_eq!(headers.len(), 1);
        let empty: Headers = [Header { name: "a", value: Some(b"") }].into_iter().collect();
        assert_eq!(empty.get("a"), Some(&b""[..]));
        assert_ne!(headers, empty);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_text() {
        let mut headers = Headers::new();
        headers.append("a", [0xff]);
        assert_eq!(headers.text("a"), None);
        assert!(headers.get("a").is_some());
    }

    #[test]
    fn a_slice_is_read_where_it_lies_until_it_is_changed_or_copied_out() {
        let mut buffer = b"before".to_vec();
        Headers::pack(&mut buffer, "a", Some(b"1"));
        Headers::pack(&mut buffer, HeaderName::CURRENCY, Some(b"EUR"));
        let end = buffer.len();
        buffer.extend_from_slice(b"behind");
        let buffer = Bytes::from(buffer);
        let mut headers = Headers::packed(buffer.slice(6..end));
        assert!(!buffer.is_unique() && headers.size_bytes() == 21);

        let mut copied = headers.clone();
        copied.copy_out();
        assert_eq!(copied, headers);
        headers.append("b", "2");
        assert!(buffer.is_unique());
        assert_eq!(
            headers.iter().map(|header| header.name).collect::<Vec<_>>(),
            ["a", "payflow-currency", "b"]
        );
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![prop::sample::select(&HeaderName::KNOWN[..]).prop_map(str::to_owned), "\\PC{0,9}"]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_compares_as_such(
            first in prop::collection::vec((name(), any::<Option<Vec<u8>>>()), 0..6),
            second in prop::collection::vec((name(), any::<Option<Vec<u8>>>()), 0..6),
        ) {
            let all = |list: &[(String, Option<Vec<u8>>)]| -> Headers {
                list.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect()
            };
            let (one, other) = (all(&first), all(&second));
            let read: Vec<_> =
                one.iter().map(|header| (header.name.to_owned(), header.value.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(one == other, first == second);
            prop_assert_eq!(one.is_empty(), first.is_empty());
            prop_assert_eq!(read, first);
        }

        #[test]
        fn bytes_that_nobody_packed_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let headers = Headers::packed(bytes.into());
            prop_assert!(headers.len() <= 80 && headers.size_bytes() <= 80 * 20);
            let _ = (headers.get("a"), format!("{headers:?}"));
        }
    }
}
