//! The client's name for one intent.

use std::fmt;

/// An idempotency key: 1 to 255 visible ASCII characters (0x21 to 0x7e).
///
/// `Debug` does not show it: whoever knows the key can ask for its answer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const CHARS_MAX: usize = 255;

    /// Takes a bare key.
    ///
    /// # Errors
    /// Empty, too long, or with a character that is not visible ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let legal =
            (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if legal { Ok(Self(text.into())) } else { Err(InvalidIdempotencyKey) }
    }

    /// Reads the value of an `Idempotency-Key` header field: a string of RFC 8941 §3.3.3 in quotes, or a bare key.
    ///
    /// # Errors
    /// The quotes or escapes are not a well-formed string, or the key in it is refused by [`parse`](Self::parse).
    pub fn parse_field(value: &str) -> Result<Self, InvalidIdempotencyKey> {
        let value = value.trim_matches([' ', '\t']);
        let Some(rest) = value.strip_prefix('"') else {
            return Self::parse(value);
        };
        let inner = rest.strip_suffix('"').ok_or(InvalidIdempotencyKey)?;
        Self::parse(&unescape(inner)?)
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({} characters)", self.0.len())
    }
}

/// A text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters, bare or as a quoted string of RFC 8941")]
pub struct InvalidIdempotencyKey;

/// RFC 8941 §3.3.3: a backslash escapes a quote or a backslash, and nothing else.
fn unescape(inner: &str) -> Result<String, InvalidIdempotencyKey> {
    let mut key = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => {
                characters.next().filter(|next| matches!(next, '"' | '\\')).ok_or(InvalidIdempotencyKey)?
            }
            '"' => return Err(InvalidIdempotencyKey),
            plain => plain,
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bare_and_quoted_forms_name_the_same_key() {
        for (field, key) in [
            ("k1", "k1"),
            ("\"k1\"", "k1"),
            (" \"k1\" ", "k1"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r"a\b", r"a\b"),
        ] {
            assert_eq!(IdempotencyKey::parse_field(field).unwrap().as_str(), key, "{field}");
        }
    }

    #[test]
    fn bad_forms_are_refused() {
        let long = "x".repeat(256);
        for field in
            ["", "\"\"", "\"", "\"a", r#""a\n""#, r#""a\"#, r#""a"b""#, "a b", "\"a b\"", "é", "a\tb", &long]
        {
            assert_eq!(IdempotencyKey::parse_field(field), Err(InvalidIdempotencyKey), "{field:?}");
        }
        assert!(IdempotencyKey::parse_field(&"x".repeat(255)).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_without_panic(text in "\\PC{0,20}|[\"\\\\ -~]{0,20}") {
            if let Ok(key) = IdempotencyKey::parse_field(&text) {
                prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
