//! Keys are user ids: shown only when asked for.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// A key as it is shown: itself, or a hash that is the same for equal keys.
///
/// Whoever can guess user ids can find one by its hash: it hides them from a passer-by, not from an attacker.
pub(crate) fn shown(key: Option<&[u8]>, as_it_is: bool) -> String {
    let Some(key) = key else {
        return "-".to_owned();
    };
    if as_it_is {
        return printable(&String::from_utf8_lossy(key));
    }
    let mut hasher = SipHasher13::new_with_keys(0x7061_7966_6c6f_7721, 0);
    hasher.write(key);
    // The upper half is enough to tell keys apart.
    format!("~{:08x}", hasher.finish() >> 32)
}

/// Control characters could move a terminal's cursor, or worse.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_one_hash_and_it_is_not_the_key() {
        assert_eq!(shown(Some(b"u001"), false), shown(Some(b"u001"), false));
        assert_ne!(shown(Some(b"u001"), false), shown(Some(b"u002"), false));
        assert!(!shown(Some(b"u001"), false).contains("u001"));
        assert_eq!(shown(Some(b"u001"), true), "u001");
        assert_eq!((shown(None, true), shown(Some(b""), true)), ("-".to_owned(), String::new()));
    }

    #[test]
    fn no_key_can_write_to_the_terminal() {
        assert_eq!(shown(Some(b"a\x1b[2Jb\n"), true), "a\u{fffd}[2Jb\u{fffd}");
    }
}
