use proptest::prelude::*;

use super::*;

#[test]
fn the_last_header_of_a_name_holds() {
    let mut headers = Headers::new();
    headers.append("a", "1");
    headers.append("a", "2");
    assert_eq!(headers.text("a"), Some("2"));
    assert_eq!(headers.len(), 2);
    headers.remove("a");
    assert!(headers.is_empty());
}

#[test]
fn own_values_are_those_that_are_got_by_their_names() {
    let mut headers = Headers::new();
    for (name, value) in [
        (HeaderName::CURRENCY, Some("EUR")),
        ("payflow-currency ", Some("of another name")),
        (HeaderName::TRACESTATE, Some("")),
        (HeaderName::CURRENCY, Some("USD")),
        (HeaderName::PAYMENT_ID, Some("an id")),
        (HeaderName::PAYMENT_ID, None),
    ] {
        headers.push(Header { name, value: value.map(str::as_bytes) });
    }
    let own = headers.view().own_values();
    for name in HeaderName::KNOWN {
        assert_eq!(own.get(name), headers.get(name), "{name}");
    }
    assert_eq!(own.get(HeaderName::CURRENCY), Some(&b"USD"[..]));
    assert_eq!(own.get("payflow-currency "), None);
}

#[test]
fn an_absent_value_is_not_an_empty_one() {
    let headers: Headers = [Header { name: "a", value: None }].into_iter().collect();
    assert_eq!(headers.get("a"), None);
    assert_eq!(headers.len(), 1);
    let empty: Headers = [Header { name: "a", value: Some(b"") }].into_iter().collect();
    assert_eq!(empty.get("a"), Some(&b""[..]));
    assert_ne!(headers, empty);
}

#[test]
fn bytes_that_are_not_utf8_are_no_text() {
    let mut headers = Headers::new();
    headers.append("a", [0xff]);
    assert_eq!(headers.text("a"), None);
    assert!(headers.get("a").is_some());
}

#[test]
fn headers_are_read_where_they_lie_and_a_copy_can_be_changed() {
    let mut buffer = b"before".to_vec();
    Headers::pack(&mut buffer, "a", Some(b"1"));
    Headers::pack(&mut buffer, HeaderName::CURRENCY, Some(b"EUR"));
    let end = buffer.len();
    buffer.extend_from_slice(b"behind");
    let headers = HeadersRef::of(&buffer[6..end]);
    assert_eq!((headers.len(), headers.size_bytes(), headers.get("a")), (2, 21, Some(&b"1"[..])));

    let mut copied = headers.to_owned();
    assert_eq!(HeadersRef::from(&copied), headers);
    copied.append("b", "2");
    assert_eq!(copied.iter().map(|header| header.name).collect::<Vec<_>>(), ["a", "payflow-currency", "b"]);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(&HeaderName::KNOWN[..]).prop_map(str::to_owned), "\\PC{0,9}"]
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_compares_as_such(
        first in prop::collection::vec((name(), any::<Option<Vec<u8>>>()), 0..6),
        second in prop::collection::vec((name(), any::<Option<Vec<u8>>>()), 0..6),
    ) {
        let all = |list: &[(String, Option<Vec<u8>>)]| -> Headers {
            list.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect()
        };
        let (one, other) = (all(&first), all(&second));
        let read: Vec<_> =
            one.iter().map(|header| (header.name.to_owned(), header.value.map(<[u8]>::to_vec))).collect();
        prop_assert_eq!(one == other, first == second);
        prop_assert_eq!(one.is_empty(), first.is_empty());
        prop_assert_eq!(read, first);
    }

    #[test]
    fn bytes_that_nobody_packed_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let headers = HeadersRef::of(&bytes);
        prop_assert!(headers.len() <= 80 && headers.size_bytes() <= 80 * 20);
        let _ = (headers.get("a"), format!("{headers:?}"));
    }
}
