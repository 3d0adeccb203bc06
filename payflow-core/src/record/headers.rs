//! Record headers: named bytes beside the payload.

mod names;

use std::fmt;

use bytes::Bytes;

pub use names::HeaderName;
use names::known;

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

#[cfg(test)]
mod tests;
