//! Text that lies in the value itself as long as it is short, so that the usual payment takes no allocation.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

#[cfg(feature = "json")]
use super::plain::PlainText;

/// A text that never changes; up to `SHORT` bytes of it need no memory of their own.
#[derive(Clone)]
pub(super) struct Text<const SHORT: usize>(Held<SHORT>);

#[derive(Clone)]
enum Held<const SHORT: usize> {
    Here { length: u8, bytes: [u8; SHORT] },
    Elsewhere(Box<str>),
}

impl<const SHORT: usize> Text<SHORT> {
    /// The text, if it is a short one.
    #[cfg(feature = "json")]
    #[inline]
    pub(super) fn short(text: PlainText<'_>) -> Option<Self> {
        Self::here(text.as_bytes())
    }

    #[inline]
    fn here(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self(Held::Here { length: u8::try_from(text.len()).ok()?, bytes }))
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.0 {
            Held::Here { .. } => str::from_utf8(self.as_bytes())
                .expect("the bytes are all of those of a text, and never change"),
            Held::Elsewhere(text) => text,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.as_bytes().len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Held::Here { length, bytes } => &bytes[..usize::from(*length)],
            Held::Elsewhere(text) => text.as_bytes(),
        }
    }
}

impl<const SHORT: usize> From<&str> for Text<SHORT> {
    fn from(text: &str) -> Self {
        Self::here(text.as_bytes()).unwrap_or_else(|| Self(Held::Elsewhere(text.into())))
    }
}

impl<const SHORT: usize> PartialEq for Text<SHORT> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const SHORT: usize> Eq for Text<SHORT> {}

impl<const SHORT: usize> Hash for Text<SHORT> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<const SHORT: usize> PartialOrd for Text<SHORT> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const SHORT: usize> Ord for Text<SHORT> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The bytes of UTF-8 have the order of what they stand for.
        self.as_bytes().cmp(other.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Four = Text<4>;

    #[test]
    fn short_and_long_ones_are_held_whole() {
        for text in ["", "a", "é", "éé", "abcd", "abcde", "名前", &"x".repeat(300)] {
            let held = Four::from(text);
            assert_eq!((held.as_str(), held.len()), (text, text.len()));
            assert_eq!(matches!(held.0, Held::Here { .. }), text.len() <= 4, "{text}");
        }
    }

    proptest! {
        #[test]
        fn they_compare_as_what_they_hold(a in "[aé]{0,6}", b in "[aé]{0,6}") {
            prop_assert_eq!(Four::from(a.as_str()).cmp(&Four::from(b.as_str())), a.cmp(&b));
            prop_assert_eq!(Four::from(a.as_str()) == Four::from(b.as_str()), a == b);
        }
    }
}
