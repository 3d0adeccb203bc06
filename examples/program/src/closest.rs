//! Guesses what a mistyped name was meant to be.

/// The known name that comes closest, if any is close.
pub(crate) fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = plain(name);
    let scored = known.map(|known| (likeness(&name, &plain(known)), known));
    let close = scored.filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    close.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known)
}

/// From this likeness on, a name is worth a guess; equal names have 1.
const LIKENESS_MIN: f64 = 0.6;

/// One name within the other: a word was left out or added.
const LIKENESS_WITHIN: f64 = 0.7;

fn likeness(name: &str, known: &str) -> f64 {
    let likeness = strsim::normalized_damerau_levenshtein(name, known);
    let within = name.len() >= 3 && (known.contains(name) || name.contains(known));
    if within { likeness.max(LIKENESS_WITHIN) } else { likeness }
}

/// Dashes and capitals are no difference that matters.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::closest;

    const KNOWN: [&str; 5] = ["http_addr", "kafka_brokers", "topic", "dead_letter_topic", "log"];

    #[test]
    fn slip_of_the_finger_is_understood() {
        for (name, meant) in [
            ("http_adr", "http_addr"),
            ("http-addr", "http_addr"),
            ("HTTP_ADDR", "http_addr"),
            ("http_address", "http_addr"),
            ("brokers", "kafka_brokers"),
            ("topics", "topic"),
            ("deadletter_topic", "dead_letter_topic"),
            ("log_format", "log"),
        ] {
            assert_eq!(closest(name, KNOWN.into_iter()), Some(meant), "{name}");
        }
    }

    #[test]
    fn name_of_something_else_is_left_alone() {
        for name in ["", "x", "database", "工"] {
            assert_eq!(closest(name, KNOWN.into_iter()), None, "{name}");
        }
    }
}
