use proptest::prelude::*;

use super::*;

/// Follows `bytes` in one piece and byte by byte, and checks that both come to the same verdict.
fn scan(bytes: &[u8]) -> (Result<(), usize>, Framing) {
    let mut whole = Framing::new();
    let verdict = whole.scan(bytes);

    let mut cut = Framing::new();
    let cut_verdict = bytes.iter().enumerate().try_for_each(|(at, byte)| cut.scan(&[*byte]).map_err(|_| at));
    assert_eq!(verdict, cut_verdict, "{}", bytes.escape_ascii());
    if verdict.is_ok() {
        assert_eq!(format!("{whole:?}"), format!("{cut:?}"), "{}", bytes.escape_ascii());
    }
    (verdict, whole)
}

#[test]
fn complete_requests_end_between_requests() {
    for (requests, bytes) in [
        (1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (1, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (2, "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        (2, "GET / HTTP/1.1\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        (1, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
        (1, "POST / HTTP/1.1\r\nCONTENT-LENGTH:\t 5 \r\n\r\n\n\r\0 x"),
        (2, "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcPOST / HTTP/1.1\r\n\r\n"),
        (1, "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"),
        (1, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n\r\n0\r\n\r\n"),
        (
            1,
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00A ; a=\"b\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
        ),
        (2, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        // Nothing that a request's length depends on: left to hyper.
        (1, "GET / HTTP/1.1\r\nX-Content-Length: 5\r\nX: \x20\r\n\r\n"),
    ] {
        let (verdict, framing) = scan(bytes.as_bytes());
        assert_eq!(verdict, Ok(()), "{bytes:?}");
        assert!(framing.between_requests(), "{bytes:?}: {framing:?}");
        assert!(!framing.in_head(), "{bytes:?}");
        assert_eq!(framing.heads(), requests, "{bytes:?}");
    }
}

#[test]
fn incomplete_requests_are_known_as_such() {
    for (in_head, bytes) in [
        (true, "\r"),
        (true, "\r\n"),
        (true, "G"),
        (true, "GET / HTTP/1.1\r\n"),
        (true, "GET / HTTP/1.1\r\nHost: a\r\n\r"),
        (false, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"),
        (false, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n1234"),
        (false, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde"),
        (false, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
    ] {
        let (verdict, framing) = scan(bytes.as_bytes());
        assert_eq!(verdict, Ok(()), "{bytes:?}");
        assert!(!framing.between_requests(), "{bytes:?}: {framing:?}");
        assert_eq!(framing.in_head(), in_head, "{bytes:?}");
    }
}

#[test]
fn first_byte_that_breaks_the_framing_is_found() {
    // The `~` stands before the byte, and is not sent.
    for marked in [
        "GET / HTTP/1.1~\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a~\n\r\n",
        "GET / HTTP/1.1\r\n~\n",
        "GET / HTTP/1.1\r~\r\n",
        "GET / HTTP/1.1\r\nA: b\r~c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b~\0\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b~\x0b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b~\x7f\r\n\r\n",
        "GET /~\t HTTP/1.1\r\n\r\n",
        "GET /~# HTTP/1.1\r\n\r\n",
        "GET /~\u{e4} HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n~ Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n~\tc\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r~\n\r\n",
        "\r\n\r~\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1, 1\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1 1\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x1\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r~\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 1\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r~x\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na~bc\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na~\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n~ a\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r~\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r~\n\r\n",
    ] {
        let at = marked.find('~').expect("each row marks its byte");
        let bytes = marked.replacen('~', "", 1);
        assert_eq!(scan(bytes.as_bytes()).0, Err(at), "{marked:?}");
    }
}

#[test]
fn value_too_long_to_be_kept_cannot_hide_a_length() {
    let zeros = "0".repeat(LINE_BEGINNING);
    let spaces = " ".repeat(LINE_BEGINNING);
    for head in [
        format!("POST / HTTP/1.1\r\nContent-Length: {zeros}5\r\n"),
        format!("POST / HTTP/1.1\r\nContent-Length:{spaces}5\r\n"),
        format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked{spaces},x\r\n"),
        format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{zeros}5\r\n"),
    ] {
        assert_eq!(scan(head.as_bytes()).0, Err(head.len() - 1), "{head:?}");
    }

    let other = format!("GET / HTTP/1.1\r\n{}: x\r\n\r\n", "a".repeat(LINE_BEGINNING + 1));
    assert_eq!(scan(other.as_bytes()).0, Ok(()));
}

/// What requests are made of, and what breaks them.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "Content-Length: 2\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: a\r\n",
    "\r\n",
    "3\r\nabc\r\n",
    "0\r\n",
    "abc",
    " ",
    ":",
    ";",
    "\r",
    "\n",
    "\0",
];

#[test]
fn a_plain_part_ends_where_it_must_wherever_that_lies() {
    for place in 0..40 {
        for byte in 0..=u8::MAX {
            let mut bytes = vec![b'x'; 40];
            bytes[place] = byte;
            let is_plain = matches!(byte, b' '..=b'"' | b'$'..=b'~');
            assert_eq!(plain_length(&bytes), if is_plain { 40 } else { place }, "{byte} at {place}");
        }
    }
}

proptest! {
    #[test]
    fn verdict_does_not_depend_on_how_the_bytes_are_cut(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12),
    ) {
        let _verdict = scan(pieces.concat().as_bytes());
    }

    #[test]
    fn body_is_never_read_as_a_head(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut requests = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        requests.extend_from_slice(&body);
        requests.extend_from_slice(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        if !body.is_empty() {
            requests.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
            requests.extend_from_slice(&body);
            requests.extend_from_slice(b"\r\n");
        }
        requests.extend_from_slice(b"0\r\n\r\n");

        let (verdict, framing) = scan(&requests);
        prop_assert_eq!(verdict, Ok(()));
        prop_assert!(framing.between_requests());
        prop_assert_eq!(framing.heads(), 2);
    }
}
