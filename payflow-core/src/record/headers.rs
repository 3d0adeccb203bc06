//! Record headers: named bytes beside the payload.

mod names;
mod view;

use std::fmt;

pub use names::HeaderName;
use names::known;
pub use view::{HeadersIter, HeadersRef};

/// The headers of a record, in order; a name may stand more than once.
///
/// They lie one behind another in one piece of memory: a record without any takes none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(
    // One list of headers is written in one way.
    Vec<u8>,
);

impl Headers {
    /// No headers.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// For adapters: writes a header behind those in a buffer, so that a slice of it is [read](HeadersRef::of) as headers.
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
        if self.0.capacity() == 0 {
            self.0.reserve(USUAL_BYTES);
        }
        Self::pack(&mut self.0, header.name, header.value);
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        if self.iter().any(|header| header.name == name) {
            *self = self.iter().filter(|header| header.name != name).collect();
        }
    }

    /// All of them, to be read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> HeadersRef<'_> {
        HeadersRef::of(&self.0)
    }

    /// The value of the last header of this name: what was added later tells what holds now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.view().get(name)
    }

    /// The value of the last header of this name, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.view().text(name)
    }

    /// All headers, in order.
    #[must_use]
    pub fn iter(&self) -> HeadersIter<'_> {
        self.view().iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values together, in bytes.
    #[must_use]
    #[inline]
    pub fn size_bytes(&self) -> usize {
        self.view().size_bytes()
    }

    /// All of them as [`pack`](Self::pack) wrote them.
    pub(crate) fn packed(&self) -> &[u8] {
        &self.0
    }
}

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

/// A header begins with the place of its name in [`HeaderName::KNOWN`], or with this and the name.
const OTHER: u8 = u8::MAX;
/// In the place of the length of a value.
const ABSENT: u64 = u64::MAX;
/// What the headers of a payment take.
const USUAL_BYTES: usize = 160;

#[cfg(test)]
mod tests;
