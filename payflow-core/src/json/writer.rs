//! Writes the three fields as Go's `encoding/json` does.

use crate::payment::PaymentRequest;

/// `{"userId":…,"amount":…,"method":…}`.
pub(super) fn three_fields(request: &PaymentRequest) -> Vec<u8> {
    let (user_id, method) = (request.user_id().as_bytes(), request.method().as_bytes());
    let mut json = Vec::with_capacity(64 + user_id.len() + method.len());
    json.extend_from_slice(br#"{"userId":"#);
    push_string(&mut json, user_id);
    json.extend_from_slice(br#","amount":"#);
    request.amount().write_shortest_decimal(&mut json);
    json.extend_from_slice(br#","method":"#);
    push_string(&mut json, method);
    json.push(b'}');
    json
}

/// Go escapes what HTML or JavaScript could trip over. Control characters need no case: no field can hold one.
fn push_string(json: &mut Vec<u8>, text: &[u8]) {
    json.push(b'"');
    // No early end: so it is done many bytes at once.
    if text.iter().fold(true, |all, byte| all & is_plain(*byte)) {
        json.extend_from_slice(text);
    } else {
        push_escaped(json, text);
    }
    json.push(b'"');
}

/// ASCII that stands for itself.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
}

fn push_escaped(json: &mut Vec<u8>, mut text: &[u8]) {
    while let [byte, behind @ ..] = text {
        let (escaped, rest): (&[u8], _) = match text {
            [b'"', rest @ ..] => (br#"\""#, rest),
            [b'\\', rest @ ..] => (br"\\", rest),
            [b'<', rest @ ..] => (br"\u003c", rest),
            [b'>', rest @ ..] => (br"\u003e", rest),
            [b'&', rest @ ..] => (br"\u0026", rest),
            // U+2028 and U+2029 in UTF-8.
            [0xe2, 0x80, 0xa8, rest @ ..] => (br"\u2028", rest),
            [0xe2, 0x80, 0xa9, rest @ ..] => (br"\u2029", rest),
            _ => (std::slice::from_ref(byte), behind),
        };
        json.extend_from_slice(escaped);
        text = rest;
    }
}
