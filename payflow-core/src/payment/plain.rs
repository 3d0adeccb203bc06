//! Text that means itself in JSON, found many bytes at once.

/// ASCII that can be seen, or is a space, and that means itself within a string of JSON: neither quotes nor backslashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlainText<'a>(&'a [u8]);

impl<'a> PlainText<'a> {
    /// The plain text at the start of `bytes`, and what stands behind it.
    #[inline]
    pub(crate) fn split(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        let (plain, rest) = bytes.split_at(plain_length(bytes));
        (Self(plain), rest)
    }

    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut length = 0;
    while let Some((word, behind)) = rest.split_first_chunk() {
        // Eight at a time: the lowest bit that is set is that of the first byte that is not plain. Above it, a borrow may
        // have set others.
        let word = u64::from_le_bytes(*word);
        // The quote is 0x22, and changes places with the space: it lies below 0x21 then, as what is below the space does.
        let control_or_quote = (word ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
        let backslash = (word ^ (EACH * 0x5c)).wrapping_sub(EACH);
        let delete = word.wrapping_add(EACH);
        let ends = (control_or_quote | backslash | delete | word) & (EACH * 0x80);
        if ends != 0 {
            return length + (ends.trailing_zeros() / 8) as usize;
        }
        length += size_of::<u64>();
        rest = behind;
    }
    let is_plain = |byte: &&u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    length + rest.iter().take_while(is_plain).count()
}

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_plain(byte: u8) -> bool {
        matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')
    }

    #[test]
    fn a_plain_text_ends_where_it_must_wherever_that_lies() {
        for place in 0..40 {
            for byte in 0..=u8::MAX {
                let mut bytes = vec![b'x'; 40];
                bytes[place] = byte;
                assert_eq!(
                    plain_length(&bytes),
                    if is_plain(byte) { 40 } else { place },
                    "{byte} at {place}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn plain_bytes_are_taken_up_to_the_first_that_is_none(bytes in prop::collection::vec(prop_oneof![b' '..=b'~', any::<u8>()], 0..40)) {
            let (plain, rest) = PlainText::split(&bytes);
            prop_assert!(plain.as_bytes().iter().all(|byte| is_plain(*byte)));
            prop_assert!(rest.first().is_none_or(|byte| !is_plain(*byte)));
            prop_assert_eq!([plain.as_bytes(), rest].concat(), bytes);
        }
    }
}
