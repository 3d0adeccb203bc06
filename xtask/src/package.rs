//! Programs that Debian packages: found, or installed where this program may.

use std::process::Stdio;

use anyhow::ensure;

use crate::step::command;

/// A program, and what apt-get is told to install it.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) program: &'static str,
    /// What makes it tell its version.
    pub(crate) version_argument: &'static str,
    /// What follows `apt-get install`.
    pub(crate) install: &'static [&'static str],
}

impl Package {
    /// Whether the program is there and runs.
    pub(crate) fn is_there(&self) -> bool {
        runs(self.program, &[self.version_argument])
    }

    /// Installs the program if it is missing, for root by apt-get.
    ///
    /// # Errors
    ///
    /// It is missing and cannot be installed; the error holds the command that does.
    pub(crate) fn find_or_install(&self) -> anyhow::Result<()> {
        if self.is_there() {
            return Ok(());
        }
        let Self { program, install, .. } = self;
        if is_root() && runs("apt-get", &["--version"]) {
            eprintln!("installing {program} with apt-get");
            // Its lists may be missing, or old; where they are not, this changes nothing.
            let _ = runs("apt-get", &["update"]);
            let _ = runs("apt-get", &[&["install", "--yes"], *install].concat());
        }
        ensure!(
            self.is_there(),
            "{program} is needed and could not be installed; install it with `apt-get install {}`",
            install.join(" ")
        );
        Ok(())
    }
}

fn is_root() -> bool {
    let output = command("id").arg("-u").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether it succeeds; what it prints is of no interest.
pub(crate) fn runs(program: &str, args: &[&str]) -> bool {
    command(program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_or_is_missing_does_not_run() {
        assert!(runs("true", &[]));
        assert!(!runs("false", &[]));
        assert!(!runs("no-such-program", &["--version"]));
    }

    #[test]
    fn program_that_is_there_is_not_installed() {
        let sh = Package { program: "true", version_argument: "--version", install: &["no-such-package"] };

        sh.find_or_install().unwrap();
    }
}
