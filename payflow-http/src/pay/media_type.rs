//! What a body may be: JSON in UTF-8, not encoded further.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use crate::problem::Problem;

/// Refuses a body that is not declared as `application/json`. Parameters and case are fine, but for another charset:
/// JSON between systems is UTF-8 (RFC 8259 §8.1).
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let declared = types.next().and_then(|value| value.to_str().ok());
    let is_usual = declared == Some("application/json");
    if types.next().is_some() || !(is_usual || declared.is_some_and(is_json)) {
        return Err(Problem::unsupported_media_type("Content-Type must be application/json"));
    }
    if !is_usual && !declared.is_some_and(is_utf8) {
        return Err(Problem::unsupported_media_type("the charset must be utf-8"));
    }
    let encoded = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Problem::unsupported_media_type("the body must have no Content-Encoding"));
    }
    Ok(())
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim_matches(BLANK).eq_ignore_ascii_case("application/json")
}

fn is_utf8(media_type: &str) -> bool {
    parameters(media_type)
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"))
}

/// Names and values as they stand (RFC 9110 §5.6.6). Sloppy ones are let through: none but the charset matters.
fn parameters(media_type: &str) -> impl Iterator<Item = (&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    let separator = move |character: char| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        character == ';' && !quoted
    };
    let pieces = media_type.split(separator).skip(1);
    pieces.filter_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        Some((name.trim_matches(BLANK), value.trim_matches(BLANK)))
    })
}

const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn taken(headers: &[(HeaderName, &str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        check(&map).is_ok()
    }

    #[test]
    fn json_is_taken_whatever_its_case_and_parameters() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json;",
            "application/json ; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json; Charset=\"utf-8\"",
            "application/json; profile=\"a; charset=latin1\"",
            "application/json; profile=\"a\\\"; charset=latin1\"",
            "application/json; version=1; flag",
        ] {
            assert!(taken(&[(CONTENT_TYPE, value)]), "{value}");
        }
    }

    #[test]
    fn what_is_not_json_in_utf8_is_refused() {
        for value in [
            "",
            "json",
            "text/json",
            "text/plain",
            "application/problem+json",
            "application/json+x",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "application/json, text/plain",
            "application/json; charset=latin1",
            "application/json; charset=utf-16",
            "application/json; charset=",
            "application/json; charset=utf-8; charset=utf-16",
        ] {
            assert!(!taken(&[(CONTENT_TYPE, value)]), "{value}");
        }
        assert!(!taken(&[]));
        let json = (CONTENT_TYPE, "application/json");
        assert!(!taken(&[json.clone(), json.clone()]));
        assert!(!taken(&[json.clone(), (CONTENT_ENCODING, "gzip")]));
        assert!(!taken(&[json.clone(), (CONTENT_ENCODING, "identity"), (CONTENT_ENCODING, "br")]));
        assert!(taken(&[json, (CONTENT_ENCODING, "Identity")]));
    }
}
