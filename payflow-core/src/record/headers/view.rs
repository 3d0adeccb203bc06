//! Headers where they lie, to be read.

use std::fmt;

use super::names::known;
use super::{ABSENT, Header, HeaderName, Headers};

/// The headers of a record, in order, in memory of others.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadersRef<'a>(&'a [u8]);

impl<'a> HeadersRef<'a> {
    /// For adapters: the headers that [`Headers::pack`] wrote one behind another. What it did not write says nothing.
    #[inline]
    #[must_use]
    pub const fn of(packed: &'a [u8]) -> Self {
        Self(packed)
    }

    /// The value of the last header of this name: what was added later tells what holds now.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().filter(|header| header.name == name).last()?.value
    }

    /// The value of the last header of this name, if it is UTF-8.
    #[must_use]
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers, in order.
    #[inline]
    #[must_use]
    pub const fn iter(self) -> HeadersIter<'a> {
        HeadersIter { rest: self.0 }
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Names and values together, in bytes.
    #[inline]
    #[must_use]
    pub fn size_bytes(self) -> usize {
        self.iter().map(|header| header.name.len() + header.value.map_or(0, <[u8]>::len)).sum()
    }

    /// A copy that can be changed.
    #[must_use]
    pub fn to_owned(self) -> Headers {
        Headers(self.0.to_vec())
    }

    /// The values of payflow's own headers.
    #[inline]
    pub(crate) fn own_values(self) -> OwnValues<'a> {
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
}

impl<'a> From<&'a Headers> for HeadersRef<'a> {
    fn from(headers: &'a Headers) -> Self {
        headers.view()
    }
}

impl<'a> IntoIterator for HeadersRef<'a> {
    type Item = Header<'a>;
    type IntoIter = HeadersIter<'a>;

    fn into_iter(self) -> HeadersIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for HeadersRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().fmt(f)
    }
}

/// The headers of a record, one by one: see [`HeadersRef::iter`].
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
