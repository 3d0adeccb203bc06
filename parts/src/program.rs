//! Programs that have to be there.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// A program that is started by its name.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// What makes it tell its version.
    pub(crate) version_argument: &'static str,
    /// What it is there for, as the end of a sentence.
    pub(crate) purpose: &'static str,
    /// The command that installs it.
    pub(crate) install: &'static str,
}

impl Program {
    /// What it says of its version.
    ///
    /// # Errors
    ///
    /// It is missing, or does not run; the error holds the command that installs it.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let Self { name, purpose, install, .. } = self;
        let output = match Command::new(name).arg(self.version_argument).stdin(Stdio::null()).output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("{name} is missing, {purpose}: install it with `{install}`")
            }
            Err(error) => return Err(error).with_context(|| format!("{name} cannot be started")),
        };
        // Java tells it on standard error.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        ensure!(output.status.success(), "{name} does not run ({}): {said}", output.status);
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: Program = Program {
        name: "no-such-program",
        version_argument: "--version",
        purpose: "which nobody needs",
        install: "get it",
    };

    #[test]
    fn program_that_is_missing_is_named_with_the_command_that_installs_it() {
        let error = ABSENT.version().unwrap_err().to_string();

        assert_eq!(error, "no-such-program is missing, which nobody needs: install it with `get it`");
    }

    #[test]
    fn program_that_fails_is_told_with_what_it_said() {
        let error = Program { name: "sh", version_argument: "no-such-file", ..ABSENT }.version().unwrap_err();

        let text = error.to_string();
        assert!(
            text.starts_with("sh does not run (exit status: ") && text.contains("no-such-file"),
            "{text}"
        );
    }
}
