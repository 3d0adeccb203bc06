//! What happened, in lines that a person reads; equal runs write equal bytes.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// The lines so far, if any are wanted.
#[derive(Debug)]
pub(super) struct Trace {
    lines: Option<String>,
}

impl Trace {
    pub(super) fn new(wanted: bool) -> Self {
        Self { lines: wanted.then(String::new) }
    }

    /// Adds a line.
    pub(super) fn say(&mut self, now: Duration, what: fmt::Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{:>5}.{:03} {what}", now.as_secs(), now.subsec_millis());
        }
    }

    pub(super) fn into_lines(self) -> String {
        self.lines.unwrap_or_default()
    }
}
