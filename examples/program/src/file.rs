//! The settings file: TOML, one key for each setting, for all programs alike.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::closest::closest;
use crate::problem::{Origin, Problem};

/// A settings file that was read. Every key in it is known to some program.
pub(crate) struct SettingsFile {
    path: String,
    entries: BTreeMap<String, Line>,
}

/// What stands behind a key.
pub(crate) enum Entry {
    /// Text, or what is as good as text: a number, a truth value, a list of texts.
    Text(String),
    /// Anything else; the text says what, as a reason.
    Other(&'static str),
}

struct Line {
    number: usize,
    entry: Entry,
}

impl SettingsFile {
    /// Reads a file, which a flag or variable named.
    ///
    /// # Errors
    /// It cannot be read, is too long, is no TOML, or has keys that are not `known`: every one of them is named.
    pub(crate) fn read(path: &Path, named_by: &str, known: &[&str]) -> Result<Self, Vec<Problem>> {
        let shown = path.display().to_string();
        let text = contents(path).map_err(|error| {
            let expected = "expected the path of a TOML file, such as payflow.toml";
            vec![Problem::new(format!(
                "{named_by}: the settings file {shown:?} cannot be read: {error}; {expected}"
            ))]
        })?;
        let table = DeTable::parse(&text).map_err(|error| {
            // Its own text would quote the line, and with it a secret.
            let (line, message) =
                (line_at(&text, error.span().map_or(0, |span| span.start)), error.message());
            vec![Problem::new(format!("file {shown}, line {line}: is no TOML: {message}"))]
        })?;

        let mut file = Self { path: shown, entries: BTreeMap::new() };
        let mut unknown = Vec::new();
        for (key, value) in table.get_ref() {
            let number = line_at(&text, key.span().start);
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                file.entries.insert(name.to_owned(), Line { number, entry: Entry::new(value) });
            } else {
                unknown.push((number, file.unknown_key(number, name, known)));
            }
        }
        unknown.sort_by_key(|(number, _)| *number);
        if unknown.is_empty() {
            Ok(file)
        } else {
            Err(unknown.into_iter().map(|(_, problem)| problem).collect())
        }
    }

    /// What stands behind a key, and where.
    pub(crate) fn entry(&self, key: &str) -> Option<(Origin, &Entry)> {
        let line = self.entries.get(key)?;
        let origin = Origin::File { path: self.path.clone(), line: line.number, key: key.to_owned() };
        Some((origin, &line.entry))
    }

    fn unknown_key(&self, number: usize, key: &str, known: &[&str]) -> Problem {
        let remedy = match closest(key, known.iter().copied()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("the known ones are {}", known.join(", ")),
        };
        Problem::new(format!("file {}, line {number}: no setting has the key {key:?}; {remedy}", self.path))
    }
}

impl fmt::Debug for SettingsFile {
    /// Without values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Entry {
    fn new(value: &Spanned<DeValue<'_>>) -> Self {
        match value.get_ref() {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => Self::Text(number.to_string()),
            DeValue::Float(number) => Self::Text(number.to_string()),
            DeValue::Boolean(truth) => Self::Text(truth.to_string()),
            DeValue::Array(array) => {
                let texts: Option<Vec<&str>> = array.iter().map(|value| value.get_ref().as_str()).collect();
                texts.map_or(Self::Other("is a list of other things than texts"), |texts| {
                    Self::Text(texts.join(","))
                })
            }
            DeValue::Datetime(_) => Self::Other("is a date, not text in quotes"),
            DeValue::Table(_) => Self::Other("is a table, not text in quotes"),
        }
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
