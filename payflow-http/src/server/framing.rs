//! The strict reading of HTTP/1 framing: where each request ends, and whether all who read it would agree.
//!
//! hyper takes some requests that another server in the path may read otherwise, and a difference about where a
//! request ends is what smuggling is made of. It drops a `Content-Length` beside `Transfer-Encoding` before a service
//! can see that there was one, takes bare line feeds as line ends, and takes `chunked` twice. RFC 9112 allows to
//! refuse all of these (§2.2, §6.1, §6.3), and here they are refused. hyper's own checks come on top.

/// Follows the bytes of one HTTP/1 connection, as they arrive, and finds the first that breaks the framing.
#[derive(Debug)]
pub(super) struct Framing {
    part: Part,
    line: Line,
    blank_line_skipped: bool,
    length: Option<u64>,
    chunked: bool,
    heads: u64,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Start,
    RequestLine,
    Headers,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

/// The byte breaks the framing.
#[derive(Debug)]
struct Broken;

impl Framing {
    pub(super) const fn new() -> Self {
        Self {
            part: Part::Start,
            line: Line::new(),
            blank_line_skipped: false,
            length: None,
            chunked: false,
            heads: 0,
        }
    }

    /// Follows `bytes`, however the network has cut them. `Err` is the index of the byte that breaks the framing;
    /// nothing from there on may reach a parser.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self.part {
                Part::Body(left) => at += self.skip(left, bytes.len() - at, Part::Body, Part::Start),
                Part::Chunk(left) => at += self.skip(left, bytes.len() - at, Part::Chunk, Part::ChunkEnd),
                _ => {
                    at += self.other_fields(bytes.get(at..).unwrap_or_default());
                    at += self.take_plain(bytes.get(at..).unwrap_or_default());
                    let Some(&byte) = bytes.get(at) else { break };
                    self.take(byte).map_err(|Broken| at)?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// How many heads are complete.
    pub(super) const fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether a head has begun and is not complete.
    pub(super) fn in_head(&self) -> bool {
        match self.part {
            Part::Start => self.blank_line_skipped || self.line.after_cr,
            Part::RequestLine | Part::Headers => true,
            _ => false,
        }
    }

    /// Whether the last byte ended a request.
    pub(super) fn between_requests(&self) -> bool {
        self.part == Part::Start && !self.in_head()
    }

    /// Passes over as much of `left` as is there, and returns how much that was.
    fn skip(&mut self, left: u64, there: usize, more: fn(u64) -> Part, then: Part) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(there);
        let left = left - skipped as u64;
        self.part = if left == 0 { then } else { more(left) };
        skipped
    }

    /// The length of the whole header fields at the beginning that say nothing of the framing. Saves time, as
    /// [`take_plain`](Self::take_plain) does.
    fn other_fields(&self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        if self.part == Part::Headers && self.line.length == 0 && !self.line.after_cr {
            while let Some(length) = other_field(bytes.get(passed..).unwrap_or_default()) {
                passed += length;
            }
        }
        passed
    }

    /// Takes as many bytes as only make a line longer, and returns how many those were. Saves time: [`take`](Self::take)
    /// would do the same with each.
    fn take_plain(&mut self, bytes: &[u8]) -> usize {
        let in_line = self.line.length > 0 && !self.line.after_cr;
        if !in_line || matches!(self.part, Part::Start | Part::ChunkEnd) {
            return 0;
        }
        let plain = plain_length(bytes);
        self.line.push_all(bytes.get(..plain).unwrap_or_default());
        plain
    }

    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        match byte {
            b'\n' if self.line.after_cr => {
                self.end_line()?;
                self.line = Line::new();
                Ok(())
            }
            b'\n' => Err(Broken),
            _ if self.line.after_cr => Err(Broken),
            b'\r' => {
                self.line.after_cr = true;
                Ok(())
            }
            0x00..=0x08 | 0x0b..=0x1f | 0x7f => Err(Broken),
            _ => self.take_visible(byte),
        }
    }

    fn take_visible(&mut self, byte: u8) -> Result<(), Broken> {
        if self.part == Part::Start {
            self.part = Part::RequestLine;
        }
        match self.part {
            // A fragment is no part of a request target, and bytes above ASCII have no one meaning there.
            Part::RequestLine if !matches!(byte, b' '..=b'~') || byte == b'#' => return Err(Broken),
            // A line that begins with white space is obsolete folding: it would go on with the line before.
            Part::Headers | Part::Trailers if self.line.length == 0 && matches!(byte, b' ' | b'\t') => {
                return Err(Broken);
            }
            Part::ChunkEnd => return Err(Broken),
            _ => self.line.push(byte),
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Broken> {
        match self.part {
            // One empty line before a request is forgiven (RFC 9112 §2.2).
            Part::Start if !self.blank_line_skipped => self.blank_line_skipped = true,
            Part::RequestLine => self.part = Part::Headers,
            Part::Headers if self.line.length == 0 => self.end_head(),
            Part::Headers => self.header()?,
            Part::ChunkSize => {
                self.part = match self.line.chunk_size().ok_or(Broken)? {
                    0 => Part::Trailers,
                    size => Part::Chunk(size),
                };
            }
            Part::ChunkEnd => self.part = Part::ChunkSize,
            Part::Trailers if self.line.length == 0 => self.part = Part::Start,
            Part::Trailers if self.line.field()?.is_none() => {}
            Part::Start | Part::Trailers | Part::Body(_) | Part::Chunk(_) => return Err(Broken),
        }
        Ok(())
    }

    fn header(&mut self) -> Result<(), Broken> {
        match self.line.field()? {
            None => {}
            // The second statement about the length, whichever kind and even if equal, is one too many.
            Some(_) if self.chunked || self.length.is_some() => return Err(Broken),
            Some(Field::ContentLength(length)) => self.length = Some(length),
            Some(Field::Chunked) => self.chunked = true,
        }
        Ok(())
    }

    fn end_head(&mut self) {
        self.part = match (self.chunked, self.length) {
            (true, _) => Part::ChunkSize,
            (false, None | Some(0)) => Part::Start,
            (false, Some(length)) => Part::Body(length),
        };
        self.chunked = false;
        self.length = None;
        self.blank_line_skipped = false;
        self.heads += 1;
    }
}

/// The current line: how long it is, and its beginning, which is all that framing needs of it.
#[derive(Debug)]
struct Line {
    beginning: [u8; LINE_BEGINNING],
    length: usize,
    after_cr: bool,
}

/// A header field that says where the body ends.
#[derive(Debug)]
enum Field {
    ContentLength(u64),
    Chunked,
}

impl Line {
    const fn new() -> Self {
        Self { beginning: [0; LINE_BEGINNING], length: 0, after_cr: false }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.beginning.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    fn push_all(&mut self, bytes: &[u8]) {
        let kept = self.beginning.get_mut(self.length..).unwrap_or_default();
        let count = kept.len().min(bytes.len());
        kept[..count].copy_from_slice(&bytes[..count]);
        self.length += bytes.len();
    }

    fn is_whole(&self) -> bool {
        self.length <= LINE_BEGINNING
    }

    fn beginning(&self) -> &[u8] {
        self.beginning.get(..self.length).unwrap_or(&self.beginning)
    }

    /// Reads the line as a header field; `None` if it does not concern the framing.
    fn field(&self) -> Result<Option<Field>, Broken> {
        let Some(colon) = self.beginning().iter().position(|byte| *byte == b':') else {
            // Names longer than what is kept are no business of framing; hyper bounds them.
            return if self.is_whole() { Err(Broken) } else { Ok(None) };
        };
        let (name, value) = self.beginning().split_at(colon);
        let is_length = name.eq_ignore_ascii_case(CONTENT_LENGTH);
        if !is_length && !name.eq_ignore_ascii_case(TRANSFER_ENCODING) {
            return Ok(None);
        }
        if !self.is_whole() {
            return Err(Broken);
        }
        let value = trim_whitespace(value.get(1..).unwrap_or_default());
        if is_length {
            decimal(value).map(|length| Some(Field::ContentLength(length))).ok_or(Broken)
        } else if value.eq_ignore_ascii_case(b"chunked") {
            Ok(Some(Field::Chunked))
        } else {
            Err(Broken)
        }
    }

    /// Reads the line as a chunk's size with optional extensions (RFC 9112 §7.1).
    fn chunk_size(&self) -> Option<u64> {
        let digits = self.beginning().iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, rest) = self.beginning().split_at(digits);
        if size.len() > CHUNK_SIZE_DIGITS || !matches!(rest.first(), None | Some(b' ' | b'\t' | b';')) {
            return None;
        }
        u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()
    }
}

/// The length of a header field with its line end, if it is whole, plain, and by the length of its name no statement
/// about where the body ends.
fn other_field(bytes: &[u8]) -> Option<usize> {
    let length = plain_length(bytes);
    let (line, rest) = bytes.split_at_checked(length)?;
    let has_name = line.get(..LINE_BEGINNING).unwrap_or(line).contains(&b':') && !line.starts_with(b" ");
    let may_frame =
        [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| line.get(name.len()) == Some(&b':'));
    (has_name && !may_frame && rest.starts_with(b"\r\n")).then_some(length + 2)
}

/// How many bytes come before the first that could be more than a part of a line.
fn plain_length(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        // Eight at a time: the lowest bit that is set is that of the first byte that is not plain. Above it, a borrow may
        // have set others.
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(EACH * 0x20);
        let fragment = (word ^ (EACH * b'#' as u64)).wrapping_sub(EACH);
        let delete = word.wrapping_add(EACH);
        let ends = (control | fragment | delete | word) & (EACH * 0x80);
        if ends != 0 {
            return bytes.len() - rest.len() + (ends.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    }
    let is_plain = |byte: &&u8| matches!(byte, b' '..=b'~') && **byte != b'#';
    bytes.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Parses digits alone: no sign, no list, no overflow.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Removes spaces and tabs, the only bytes that count as white space here (RFC 9110 §5.6.3).
fn trim_whitespace(value: &[u8]) -> &[u8] {
    let is_visible = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_visible).unwrap_or(value.len());
    let end = value.iter().rposition(is_visible).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";
/// Room for `transfer-encoding`, or a chunk's size, and any sensible value.
const LINE_BEGINNING: usize = 64;
/// As many hexadecimal digits as fit 64 bits.
const CHUNK_SIZE_DIGITS: usize = 16;

#[cfg(test)]
mod tests;
