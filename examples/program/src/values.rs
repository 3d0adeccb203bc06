//! What a program was told, source over source.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::declaration::{Declaration, DefaultValue};
use crate::file::{Entry, SettingsFile};
use crate::problem::{Origin, Problem};

/// What a program was told by flags, environment and file, and what was found wrong with it so far.
pub struct Values {
    flags: BTreeMap<&'static str, OsString>,
    environment: BTreeMap<String, OsString>,
    file: Option<SettingsFile>,
    problems: Vec<Problem>,
}

impl fmt::Debug for Values {
    /// Without values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// What came of looking for a setting.
pub(crate) enum Lookup<T> {
    /// Told, or its default.
    Value(T),
    /// Not told, and without a default.
    Absent,
    /// Told wrongly, which is noted.
    Refused,
}

impl Values {
    pub(crate) fn new(
        flags: BTreeMap<&'static str, OsString>,
        environment: BTreeMap<String, OsString>,
        file: Option<SettingsFile>,
    ) -> Self {
        Self { flags, environment, file, problems: Vec::new() }
    }

    /// Finds the source that counts, and reads its value.
    pub(crate) fn look_up<T>(
        &mut self,
        declaration: &Declaration,
        parse: fn(&str) -> Result<T, &'static str>,
    ) -> Lookup<T> {
        let Some((origin, told)) = self.told(declaration) else {
            return Lookup::Absent;
        };
        let refused = match told {
            Told::Text(text) if text.is_empty() => Problem::refused(declaration, &origin, &text, "is empty"),
            Told::Text(text) => match parse(&text) {
                Ok(value) => return Lookup::Value(value),
                Err(reason) => Problem::refused(declaration, &origin, &text, reason),
            },
            Told::NotText(reason) => Problem::not_text(declaration, &origin, reason),
        };
        self.problems.push(refused);
        Lookup::Refused
    }

    /// Refuses a value that was read, since it does not go with another setting's.
    pub(crate) fn refuse(&mut self, declaration: &Declaration, value: &str, reason: &str) {
        let origin = self.told(declaration).map_or(Origin::Default, |(origin, _)| origin);
        self.problems.push(Problem::refused(declaration, &origin, value, reason));
    }

    /// Notes that a setting was not told, though it has no default.
    pub(crate) fn note_missing(&mut self, declaration: Declaration) {
        self.problems.push(Problem::missing(&declaration));
    }

    /// What was found wrong.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn told(&self, declaration: &Declaration) -> Option<(Origin, Told)> {
        if let Some(value) = self.flags.get(declaration.name) {
            return Some((Origin::Flag(declaration.flag()), Told::from_os(value)));
        }
        let variable = declaration.variable();
        if let Some(value) = self.environment.get(&variable) {
            return Some((Origin::Variable(variable), Told::from_os(value)));
        }
        if let Some((origin, entry)) = self.file.as_ref().and_then(|file| file.entry(declaration.name)) {
            let told = match entry {
                Entry::Text(text) => Told::Text(text.clone()),
                Entry::Other(kind) => Told::NotText(kind),
            };
            return Some((origin, told));
        }
        match declaration.default {
            DefaultValue::Text(default) => Some((Origin::Default, Told::Text(default.to_owned()))),
            DefaultValue::None | DefaultValue::Derived(_) => None,
        }
    }
}

/// A value before it is read.
enum Told {
    Text(String),
    /// Why it is no text.
    NotText(&'static str),
}

impl Told {
    fn from_os(value: &OsStr) -> Self {
        match value.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::NotText("is not UTF-8"),
        }
    }
}
