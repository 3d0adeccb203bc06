//! The settings file that the services read: TOML, one key for each setting, for all programs alike.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::InvalidSetting;

/// A settings file that was read. Of a key that is nothing to this tool, nothing is kept: it may be secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SettingsFile {
    path: String,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    line: usize,
    /// `None`: it is neither text nor as good as text.
    text: Option<String>,
}

/// What stands behind a key, and where.
pub(super) struct Found<'a> {
    pub(super) text: Option<&'a str>,
    pub(super) origin: String,
}

impl SettingsFile {
    /// Reads a file, which a flag or variable named.
    pub(super) fn read(path: &Path, named_by: &str) -> Result<Self, InvalidSetting> {
        let shown = path.display();
        let text = contents(path).map_err(|error| {
            InvalidSetting::new(format!(
                "{named_by}: the settings file {shown} cannot be read: {error}; expected the path of a TOML file, such as \
                 payflow.toml"
            ))
        })?;
        Self::parse(&shown.to_string(), &text)
    }

    fn parse(path: &str, text: &str) -> Result<Self, InvalidSetting> {
        let table = DeTable::parse(text).map_err(|error| {
            // Its own text would quote the line, and with it a secret.
            let line = line_at(text, error.span().map_or(0, |span| span.start));
            InvalidSetting::new(format!("file {path}, line {line}: is no TOML: {}", error.message()))
        })?;
        let mut entries = BTreeMap::new();
        for (key, value) in table.get_ref() {
            let (name, line) = (key.get_ref().as_ref(), line_at(text, key.span().start));
            if !READ.contains(&name) && !OF_OTHERS.contains(&name) {
                // A name that was mistyped would change nothing, and nobody would know.
                let known = [&READ[..], &OF_OTHERS].concat().join(", ");
                return Err(InvalidSetting::new(format!(
                    "file {path}, line {line}: no setting has the key {name:?}; the known ones are {known}"
                )));
            }
            if READ.contains(&name) {
                entries.insert(name.to_owned(), Entry { line, text: as_text(value.get_ref()) });
            }
        }
        Ok(Self { path: path.to_owned(), entries })
    }

    pub(super) fn find(&self, key: &str) -> Option<Found<'_>> {
        let Entry { line, text } = self.entries.get(key)?;
        Some(Found { text: text.as_deref(), origin: format!("file {}, line {line}, key {key}", self.path) })
    }
}

/// What this tool reads.
const READ: [&str; 5] = ["kafka_brokers", "topic", "dead_letter_topic", "group", "partitioner"];

/// What the services read besides.
const OF_OTHERS: [&str; 6] = ["http_addr", "grpc_addr", "currency", "notify_url", "log", "log_level"];

fn as_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(array) => {
            let texts: Option<Vec<&str>> = array.iter().map(|value| value.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Far beyond any settings file, so that a wrong path cannot fill the memory.
const FILE_BYTES_MAX: u64 = 64 * 1024;

fn contents(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// The line of a byte, counted from one.
fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn text(file: &SettingsFile, key: &str) -> Option<String> {
        file.find(key)?.text.map(str::to_owned)
    }

    #[test]
    fn file_of_the_services_is_read_as_they_read_it() {
        let file = SettingsFile::parse(
            "payflow.toml",
            "currency = 'EUR'\nkafka_brokers = ['a:1', 'b:2']\npartitioner = 'fnv1a_random'\ngroup = 7\ntopic = {}\n",
        )
        .unwrap();

        assert_eq!(text(&file, "kafka_brokers").as_deref(), Some("a:1,b:2"));
        assert_eq!(text(&file, "partitioner").as_deref(), Some("fnv1a_random"));
        assert_eq!(text(&file, "group").as_deref(), Some("7"));
        assert_eq!(file.find("partitioner").unwrap().origin, "file payflow.toml, line 3, key partitioner");
        assert!(file.find("topic").unwrap().text.is_none());
        assert!(file.find("dead_letter_topic").is_none() && file.find("currency").is_none());
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_without_a_secret() {
        for (wrong, line) in
            [("a = 'b'\n", 1), ("topic = 'a'\npartitoner = 'hunter2'\n", 2), ("\nnotify_url = 'hunter2\n", 2)]
        {
            let error = SettingsFile::parse("f", wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("file f, line {line}: ")), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let kept = SettingsFile::parse("f", "notify_url = 'hunter2'\n").unwrap();
        assert!(!format!("{kept:?}").contains("hunter2"), "{kept:?}");
    }

    /// The services' settings are declared in an example, on which this tool does not depend.
    #[test]
    fn keys_are_those_that_the_services_know() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/program/src");
        let mut declared = BTreeSet::new();
        for file in ["catalogue.rs", "logging.rs"] {
            let text = std::fs::read_to_string(sources.join(file)).unwrap();
            let named = text.split("Setting::new(").skip(1).filter_map(|rest| rest.split('"').nth(1));
            declared.extend(named.map(str::to_owned));
        }
        let known: BTreeSet<String> = READ.iter().chain(&OF_OTHERS).map(|&name| name.to_owned()).collect();
        assert_eq!(known, declared);
    }
}
