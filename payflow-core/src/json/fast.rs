//! Reads what nearly all records are in one pass: fields of the contract, each once, plain strings and plain numbers.

use super::reader::{JsonPayment, Token};

/// Reads one JSON document if it is such an object; `None` says nothing of it, so the reader that takes all decides.
pub(super) fn read(bytes: &[u8]) -> Option<JsonPayment<'_>> {
    let mut rest = Rest { text: std::str::from_utf8(bytes).ok()?, at: 0 };
    let mut payment = JsonPayment::default();
    rest.skip_white_space();
    rest.take(b'{')?;
    loop {
        rest.skip_white_space();
        rest.take(b'"')?;
        let field = payment.field(rest.plain_string()?)?;
        if field.is_some() {
            return None;
        }
        rest.skip_white_space();
        rest.take(b':')?;
        rest.skip_white_space();
        *field = Some(match rest.next()? {
            b'"' => {
                rest.at += 1;
                Token::Plain(rest.plain_string()?)
            }
            b'0'..=b'9' => Token::Other(rest.plain_number()?),
            _ => return None,
        });
        rest.skip_white_space();
        match rest.next()? {
            b',' => rest.at += 1,
            _ => break,
        }
    }
    rest.take(b'}')?;
    rest.skip_white_space();
    (rest.at == bytes.len()).then_some(payment)
}

/// What is not read yet.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then(|| self.at += 1)
    }

    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.next() {
            self.at += 1;
        }
    }

    /// What stands before the closing quote, which is passed. No escapes.
    fn plain_string(&mut self) -> Option<&'a str> {
        let from = self.at;
        let bytes = self.text.as_bytes().get(from..)?;
        let length = plain_length(bytes);
        self.at = from + length;
        self.take(b'"')?;
        self.text.get(from..from + length)
    }

    /// Digits, and digits behind a point: no sign, no exponent.
    fn plain_number(&mut self) -> Option<&'a str> {
        let from = self.at;
        let zero = self.next() == Some(b'0');
        let whole = self.digits();
        if zero && whole > 1 {
            return None;
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        // What follows must end it, as the caller sees to: an exponent does not.
        self.text.get(from..self.at)
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.next() {
            self.at += 1;
        }
        self.at - from
    }
}

/// How many bytes stand before the first that a plain string cannot hold: a quote, a backslash, a control character.
fn plain_length(bytes: &[u8]) -> usize {
    let mut words = bytes.chunks_exact(8);
    let mut length = 0;
    for word in words.by_ref() {
        // Eight at a time; the lowest bit that is set is that of the first byte that ends it, in any byte order.
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        let ends = below(word, 0x20) | below(word ^ EACH * 0x22, 1) | below(word ^ EACH * 0x5c, 1);
        if ends != 0 {
            return length + (ends.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let ends = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    length + words.remainder().iter().take_while(|byte| !ends(byte)).count()
}

/// The high bit of each byte that is below `limit` (128 at most). Bits above the lowest that is set may be wrong.
const fn below(word: u64, limit: u64) -> u64 {
    word.wrapping_sub(EACH * limit) & !word & (EACH * 0x80)
}

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

#[cfg(test)]
mod tests;
