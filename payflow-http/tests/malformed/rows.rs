//! The table.

use super::harness::GOOD_REQUEST;

/// Bytes on a fresh connection, and what must come of them. The connection is always closed at the end.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// The status of each answer, in order.
    pub(crate) statuses: Vec<u16>,
    /// How often the service is called. A request is handed over when its head is complete.
    pub(crate) calls: usize,
    /// How many requests the service receives with a whole body.
    pub(crate) whole: usize,
}

/// The service never hears of it.
fn refused(name: &'static str, status: u16, bytes: impl Into<Vec<u8>>) -> Row {
    Row { name, bytes: bytes.into(), statuses: vec![status], calls: 0, whole: 0 }
}

/// The head is in order; the body breaks while the service reads it.
fn body_refused(name: &'static str, body: impl AsRef<[u8]>) -> Row {
    let mut bytes = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    bytes.extend_from_slice(body.as_ref());
    Row { name, bytes, statuses: vec![400], calls: 1, whole: 0 }
}

/// The first request is in order; what follows is not taken for a part of it.
fn served_then_refused(name: &'static str, bytes: impl Into<Vec<u8>>) -> Row {
    Row { name, bytes: bytes.into(), statuses: vec![200, 400], calls: 1, whole: 1 }
}

/// Nothing is wrong: these show that the table can tell.
fn served(name: &'static str, bytes: impl Into<Vec<u8>>) -> Row {
    Row { name, bytes: bytes.into(), statuses: vec![200], calls: 1, whole: 1 }
}

/// A request with these lines in its head, and this after it.
fn post(lines: &str, rest: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n\r\n{rest}")
}

const HELLO: &str = "5\r\nhello\r\n0\r\n\r\n";

pub(crate) fn rows() -> Vec<Row> {
    [lengths(), encodings(), heads(), targets(), chunks(), sequences(), in_order()]
        .into_iter()
        .flatten()
        .collect()
}

#[rustfmt::skip] // one row, one line
fn lengths() -> Vec<Row> {
    vec![
        refused("length and encoding", 400, post("Content-Length: 5\r\nTransfer-Encoding: chunked", HELLO)),
        refused("encoding and length", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 5", HELLO)),
        refused("encoding and length of 0", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 0", HELLO)),
        refused("encoding and nonsense length", 400, post("Transfer-Encoding: chunked\r\nContent-Length: x", HELLO)),
        refused("length between encodings", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", HELLO)),
        refused("two lengths", 400, post("Content-Length: 5\r\nContent-Length: 6", "hello!")),
        refused("the same length twice", 400, post("Content-Length: 5\r\nContent-Length: 5", "hello")),
        refused("two lengths in a list", 400, post("Content-Length: 5, 6", "hello!")),
        refused("the same length in a list", 400, post("Content-Length:  5 , 5", "hello")),
        refused("length with plus", 400, post("Content-Length: +5", "hello")),
        refused("negative length", 400, post("Content-Length: -1", "hello")),
        refused("negative zero", 400, post("Content-Length: -0", "")),
        refused("empty length", 400, post("Content-Length:", "hello")),
        refused("hexadecimal length", 400, post("Content-Length: 0x5", "hello")),
        refused("fractional length", 400, post("Content-Length: 5.0", "hello")),
        refused("length with exponent", 400, post("Content-Length: 5e0", "hello")),
        refused("digits apart", 400, post("Content-Length: 0 5", "hello")),
        refused("length of 2^64", 400, post("Content-Length: 18446744073709551616", "hello")),
        refused("length of 2^64 + 5", 400, post("Content-Length: 18446744073709551621", "hello")),
        refused("very long length", 400, post(&format!("Content-Length: {}5", "0".repeat(100)), "hello")),
        refused("length in quotes", 400, post("Content-Length: \"5\"", "hello")),
        refused("length and a form feed", 400, post("Content-Length: 5\x0c", "hello")),
        refused("length in other digits", 400, post("Content-Length: \u{665}", "hello")),
    ]
}

#[rustfmt::skip] // one row, one line
fn encodings() -> Vec<Row> {
    vec![
        refused("chunked twice", 400, post("Transfer-Encoding: chunked, chunked", HELLO)),
        refused("chunked in two lines", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", HELLO)),
        refused("identity", 400, post("Transfer-Encoding: identity", HELLO)),
        refused("identity after chunked", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", HELLO)),
        refused("chunked is not last", 400, post("Transfer-Encoding: chunked, gzip", HELLO)),
        refused("unknown coding before chunked", 400, post("Transfer-Encoding: gzip, chunked", HELLO)),
        refused("coding that starts like chunked", 400, post("Transfer-Encoding: chunkedx", HELLO)),
        refused("coding that ends like chunked", 400, post("Transfer-Encoding: xchunked", HELLO)),
        refused("chunked in quotes", 400, post("Transfer-Encoding: \"chunked\"", HELLO)),
        refused("chunked with a parameter", 400, post("Transfer-Encoding: chunked;q=1", HELLO)),
        refused("empty encoding", 400, post("Transfer-Encoding:", HELLO)),
        refused("comma before chunked", 400, post("Transfer-Encoding: ,chunked", HELLO)),
        refused("vertical tab before chunked", 400, post("Transfer-Encoding:\x0bchunked", HELLO)),
        refused("no-break space before chunked", 400, post("Transfer-Encoding: \u{a0}chunked", HELLO)),
        refused("space before the colon", 400, post("Transfer-Encoding : chunked", HELLO)),
        refused("tab before the colon", 400, post("Transfer-Encoding\t: chunked", HELLO)),
        refused("folded encoding", 400, post("Transfer-Encoding:\r\n chunked", HELLO)),
        refused("encoding behind a bare CR", 400, post("X: y\rTransfer-Encoding: chunked", HELLO)),
        refused("encoding behind a bare LF", 400, post("X: y\nTransfer-Encoding: chunked", HELLO)),
        refused("encoding in HTTP/1.0", 400, format!("POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n{HELLO}")),
    ]
}

#[rustfmt::skip] // one row, one line
fn heads() -> Vec<Row> {
    let many: String = (0..101).map(|number| format!("X-{number}: y\r\n")).collect();
    vec![
        refused("all line ends bare", 400, "GET / HTTP/1.1\nHost: a.example\n\n"),
        refused("one line end bare", 400, "GET / HTTP/1.1\r\nHost: a.example\n\r\n"),
        refused("bare LF ends the head", 400, "GET / HTTP/1.1\r\nHost: a.example\r\n\n"),
        refused("bare CRs as line ends", 400, "GET / HTTP/1.1\rHost: a.example\r\r"),
        refused("CR twice", 400, "GET / HTTP/1.1\r\r\nHost: a.example\r\n\r\n"),
        refused("bare CR in a value", 400, post("X: a\rb", "")),
        refused("folded by a space", 400, post("X: a\r\n b", "")),
        refused("folded by a tab", 400, post("X: a\r\n\tb", "")),
        refused("first header folded", 400, "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n"),
        refused("NUL in a value", 400, post("X: a\0b", "")),
        refused("NUL in a name", 400, post("X\0: a", "")),
        refused("escape in a value", 400, post("X: \x1b[2J", "")),
        refused("delete in a value", 400, post("X: \x7f", "")),
        refused("backspace in a name", 400, post("X\x08: a", "")),
        refused("space in a name", 400, post("X Y: a", "")),
        refused("bracket in a name", 400, post("X[0]: a", "")),
        refused("letter above ASCII in a name", 400, post("X\u{e4}: a", "")),
        refused("empty name", 400, post(": a", "")),
        refused("no colon", 400, post("X", "")),
        refused("no Host", 400, "GET / HTTP/1.1\r\n\r\n"),
        refused("no Host in what says that it is gRPC", 400, "POST / HTTP/1.1\r\nContent-Type: application/grpc\r\n\r\n"),
        refused("two Hosts", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"),
        refused("the same Host twice", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n"),
        refused("empty Host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        refused("Host with user", 400, "GET / HTTP/1.1\r\nHost: b.example@a.example\r\n\r\n"),
        refused("Host with path", 400, "GET / HTTP/1.1\r\nHost: a.example/b\r\n\r\n"),
        refused("Host with space", 400, "GET / HTTP/1.1\r\nHost: a.example b.example\r\n\r\n"),
        refused("Host with too large a port", 400, "GET / HTTP/1.1\r\nHost: a.example:65536\r\n\r\n"),
        refused("too many headers", 431, format!("GET / HTTP/1.1\r\nHost: a.example\r\n{many}\r\n")),
        refused("header too large", 431, post(&format!("X: {}", "y".repeat(16 * 1024)), "")),
        refused("head too large", 431, post(&format!("X: {}\r\n", "y".repeat(1000)).repeat(17), "")),
        refused("name too large", 431, post(&format!("{}: y", "x".repeat(17 * 1024)), "")),
        refused("target too large", 431, format!("GET /{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "x".repeat(17 * 1024))),
    ]
}

#[rustfmt::skip] // one row, one line
fn targets() -> Vec<Row> {
    vec![
        refused("HTTP/0.9", 400, "GET /\r\n\r\n"),
        refused("HTTP/1.2", 400, "GET / HTTP/1.2\r\nHost: a.example\r\n\r\n"),
        refused("HTTP/2.0 in a line", 400, "GET / HTTP/2.0\r\nHost: a.example\r\n\r\n"),
        refused("version in small letters", 400, "GET / http/1.1\r\nHost: a.example\r\n\r\n"),
        refused("version with zeros", 400, "GET / HTTP/01.1\r\nHost: a.example\r\n\r\n"),
        refused("something behind the version", 400, "GET / HTTP/1.1 x\r\nHost: a.example\r\n\r\n"),
        refused("space behind the version", 400, "GET / HTTP/1.1 \r\nHost: a.example\r\n\r\n"),
        refused("space in the target", 400, "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("two spaces before the target", 400, "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("two spaces behind the target", 400, "GET /  HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("tabs for spaces", 400, "GET\t/\tHTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("space before the method", 400, " GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("NUL in the target", 400, "GET /\0 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("letter above ASCII in the target", 400, "GET /\u{e4} HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("bytes above ASCII in the target", 400, b"GET /\xff\xfe HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("fragment", 400, "GET /#x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("no target", 400, "GET HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("bracket in the method", 400, "GE[T / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("colon in the method", 400, "GET: / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("relative target", 400, "GET a HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("authority for a target", 400, "GET a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("asterisk with GET", 400, "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("absolute target of another host", 400, "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("absolute target without Host", 400, "GET http://a.example/ HTTP/1.1\r\n\r\n"),
        refused("absolute target with user", 400, "GET http://b@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("absolute target without host", 400, "GET http:/// HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("absolute target of another scheme", 400, "GET file://a.example/etc HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("tunnel", 501, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
        refused("tunnel that says that it is gRPC", 501, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Type: application/grpc\r\n\r\n"),
        refused("TLS hello", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        refused("two empty lines in front", 400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("bare LF in front", 400, "\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        refused("half of the HTTP/2 preface", 400, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
    ]
}

#[rustfmt::skip] // one row, one line
fn chunks() -> Vec<Row> {
    let many: String = (0..101).map(|number| format!("X-{number}: y\r\n")).collect();
    vec![
        body_refused("negative chunk", "-1\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk with plus", "+5\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size that is no number", "xyz\r\nhello\r\n0\r\n\r\n"),
        body_refused("empty chunk size", "\r\nhello\r\n0\r\n\r\n"),
        body_refused("space before the chunk size", " 5\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size in two parts", "5 5\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size above 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size with comma", "5,5\r\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size and a bare LF", "5\nhello\r\n0\r\n\r\n"),
        body_refused("chunk size and a bare CR", "5\rhello\r\n0\r\n\r\n"),
        body_refused("chunk size and NUL", "5\0\r\nhello\r\n0\r\n\r\n"),
        body_refused("extension and a bare LF", "5 ;ext\nhello\r\n0\r\n\r\n"),
        body_refused("extension hides a chunk behind a bare LF", "5;\nxhello\r\n0\r\n\r\n"),
        body_refused("extension and a bare CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        body_refused("extension with NUL", "5;a=\0\r\nhello\r\n0\r\n\r\n"),
        body_refused("last chunk's extension and a bare LF", "5\r\nhello\r\n0;a\n\r\n"),
        body_refused("last chunk's extension with a control character", "5\r\nhello\r\n0;a=\x01\r\n\r\n"),
        body_refused("last chunk's extension with delete", "5\r\nhello\r\n0;a\x7f\r\n\r\n"),
        body_refused("extension too large", format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(17 * 1024))),
        body_refused("nothing behind chunk data", "5\r\nhello0\r\n\r\n"),
        body_refused("bare LF behind chunk data", "5\r\nhello\n0\r\n\r\n"),
        body_refused("bare CR behind chunk data", "5\r\nhello\r0\r\n\r\n"),
        body_refused("chunk longer than its size", "5\r\nhello!\r\n0\r\n\r\n"),
        body_refused("bare LF ends the last chunk", "5\r\nhello\r\n0\n\r\n"),
        body_refused("bare LF ends the body", "5\r\nhello\r\n0\r\n\n"),
        body_refused("trailer with a bare LF", "0\r\nX: y\n\r\n"),
        body_refused("trailer folded", "0\r\nX: y\r\n z\r\n\r\n"),
        body_refused("trailer starts folded", "0\r\n X: y\r\n\r\n"),
        body_refused("trailer without colon", "0\r\nX\r\n\r\n"),
        body_refused("trailer with NUL", "0\r\nX: \0\r\n\r\n"),
        body_refused("trailer with space before the colon", "0\r\nX : y\r\n\r\n"),
        body_refused("length in a trailer", "0\r\nContent-Length: 5\r\n\r\n"),
        body_refused("encoding in a trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        body_refused("too many trailers", format!("0\r\n{many}\r\n")),
        body_refused("trailers too large", format!("0\r\nX: {}\r\n\r\n", "y".repeat(17 * 1024))),
    ]
}

#[rustfmt::skip] // one row, one line
fn sequences() -> Vec<Row> {
    let first = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    vec![
        served_then_refused("garbage behind a request", format!("{first}garbage\r\n\r\n")),
        served_then_refused("NUL behind a request", format!("{first}\0")),
        served_then_refused("body behind a request that has none", format!("{first}{{\"userId\":\"u001\"}}\r\n\r\n")),
        served_then_refused("more body than its length", post("Content-Length: 5", "hello!!\r\n\r\n")),
        served_then_refused("more body than its chunks", post("Transfer-Encoding: chunked", &format!("{HELLO}hello\r\n\r\n"))),
        served_then_refused("bare LFs behind a request", format!("{first}\n\n{first}")),
        served_then_refused("second request has two lengths", format!("{first}{}", post("Content-Length: 1\r\nContent-Length: 1", "x"))),
        served_then_refused("second request is smuggled by both", format!("{first}{}", post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"))),
        served_then_refused("second request has no Host", format!("{first}GET / HTTP/1.1\r\n\r\n")),
    ]
}

#[rustfmt::skip] // one row, one line
fn in_order() -> Vec<Row> {
    let close = "Connection: close";
    vec![
        served("plain request", GOOD_REQUEST),
        served("empty line in front", format!("\r\n{GOOD_REQUEST}")),
        served("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
        served("absolute target", format!("GET http://a.example/ HTTP/1.1\r\nHost: A.example\r\n{close}\r\n\r\n")),
        served("asterisk with OPTIONS", format!("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n{close}\r\n\r\n")),
        served("length with zeros", post(&format!("Content-Length: 005\r\n{close}"), "hello")),
        served("chunked in capitals", post(&format!("Transfer-Encoding: CHUNKED\r\n{close}"), HELLO)),
        served("chunk extension", post(&format!("Transfer-Encoding: chunked\r\n{close}"), "5 ; a=\"b\"\r\nhello\r\n0;c\r\n\r\n")),
        served("trailers", post(&format!("Transfer-Encoding: chunked\r\n{close}"), "5\r\nhello\r\n0\r\nX: y\r\n\r\n")),
        served(
            "upgrade that is not taken",
            "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        ),
        served("value above ASCII", post(&format!("X: \u{e4}\r\n{close}"), "")),
        Row { name: "two requests at once", bytes: format!("{}{GOOD_REQUEST}", post("Content-Length: 5", "hello")).into(), statuses: vec![200, 200], calls: 2, whole: 2 },
    ]
}
