//! What is wrong with the settings, in words.

use std::fmt;

use crate::declaration::{Declaration, DefaultValue};

/// Where a value was told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A flag, with its dashes.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A key of the settings file.
    File {
        /// The file, as it was named.
        path: String,
        /// The line, counted from one.
        line: usize,
        /// The key.
        key: String,
    },
    /// The program's own default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(variable) => write!(f, "environment variable {variable}"),
            Self::File { path, line, key } => write!(f, "file {path}, line {line}, key {key}"),
            Self::Default => f.write_str("the program's default"),
        }
    }
}

/// One thing that is wrong: the setting, where it was told, and what would be right.
///
/// It never holds a secret: a value is quoted only if the setting is not secret and the value has no `@`, which may
/// stand behind a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    text: String,
}

impl Problem {
    /// A value that cannot be used.
    pub(crate) fn refused(declaration: &Declaration, origin: &Origin, value: &str, reason: &str) -> Self {
        let name = declaration.name;
        let (value, expected) = (shown(value, declaration.secret), declaration.expected);
        Self::new(format!(
            "{name} ({origin}): {value} {reason}; expected {expected}{}",
            leave_out(declaration)
        ))
    }

    /// A value that is no text.
    pub(crate) fn not_text(declaration: &Declaration, origin: &Origin, reason: &str) -> Self {
        let (name, expected) = (declaration.name, declaration.expected);
        Self::new(format!(
            "{name} ({origin}): the value {reason}; expected {expected}{}",
            leave_out(declaration)
        ))
    }

    /// A setting without a default that nobody told.
    pub(crate) fn missing(declaration: &Declaration) -> Self {
        let (name, flag, variable) = (declaration.name, declaration.flag(), declaration.variable());
        let expected = declaration.expected;
        Self::new(format!(
            "{name} is not set; give {flag}, {variable}, or {name} in the settings file: {expected}"
        ))
    }

    /// Anything else. The text holds no value.
    pub(crate) fn new(text: String) -> Self {
        Self { text }
    }
}

/// The settings of a program, of which at least one is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings {
    problems: Vec<Problem>,
}

impl InvalidSettings {
    /// Everything that is wrong.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }
}

impl fmt::Display for InvalidSettings {
    /// One line for each problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

/// Longer values are cut in messages.
const SHOWN_CHARS_MAX: usize = 80;

/// A value as a message may quote it.
pub(crate) fn shown(value: &str, secret: bool) -> String {
    if secret || value.contains('@') {
        return HIDDEN.to_owned();
    }
    match value.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", value.split_at(end).0),
        None => format!("{value:?}"),
    }
}

/// Stands for a value that may hold a secret.
const HIDDEN: &str = "the value (not shown)";

fn leave_out(declaration: &Declaration) -> String {
    match declaration.default {
        DefaultValue::None => String::new(),
        DefaultValue::Text(default) | DefaultValue::Derived(default) => {
            format!(" (left out, it is {default})")
        }
    }
}
