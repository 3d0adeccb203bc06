//! Writes the three fields as Go's `encoding/json` does.

use crate::payment::PaymentRequest;

/// `{"userId":…,"amount":…,"method":…}`.
pub(super) fn three_fields(request: &PaymentRequest) -> String {
    let mut json =
        String::with_capacity(64 + request.user_id().as_str().len() + request.method().as_str().len());
    json.push_str(r#"{"userId":"#);
    push_string(&mut json, request.user_id().as_str());
    json.push_str(r#","amount":"#);
    request.amount().write_shortest_decimal(&mut json);
    json.push_str(r#","method":"#);
    push_string(&mut json, request.method().as_str());
    json.push('}');
    json
}

/// Go escapes what HTML or JavaScript could trip over. Control characters need no case: no field can hold one.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    // No early end: so it is done many bytes at once.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        json.push_str(text);
    } else {
        push_escaped(json, text);
    }
    json.push('"');
}

/// ASCII that stands for itself.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
}

fn push_escaped(json: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' => json.push_str(r#"\""#),
            '\\' => json.push_str(r"\\"),
            '<' => json.push_str(r"\u003c"),
            '>' => json.push_str(r"\u003e"),
            '&' => json.push_str(r"\u0026"),
            '\u{2028}' => json.push_str(r"\u2028"),
            '\u{2029}' => json.push_str(r"\u2029"),
            plain => json.push(plain),
        }
    }
}
