//! Kafka's jars: those of `KAFKA_LIBS`, or fetched by Maven into the user's cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use anyhow::{Context, bail, ensure};

use super::java;
use crate::cache;

/// The Kafka that is fetched. The folder is named after it, so another version never mixes with this one.
const VERSION: &str = "4.1.1";

/// Names a folder of jars that is used instead.
const LIBS: &str = "KAFKA_LIBS";

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>payflow.parts</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version>
    </dependency>
  </dependencies>
</project>
"#;

/// Checks that a Kafka broker can be started here, without starting one: quick, for the beginning of a long run.
///
/// # Errors
///
/// Java is missing or too old; or the jars are not there yet, and Maven is missing. The error names the command that
/// installs what is missing.
pub fn check_kafka() -> anyhow::Result<()> {
    java::check_java()?;
    match named()? {
        Some(_) => Ok(()),
        None if cached().is_dir() => Ok(()),
        None => java::check_maven(),
    }
}

/// The folder of jars, which is fetched if need be.
pub(crate) fn find_or_fetch() -> anyhow::Result<PathBuf> {
    if let Some(folder) = named()? {
        return Ok(folder);
    }
    let folder = cached();
    if !folder.is_dir() {
        fetch(&folder)?;
    }
    Ok(folder)
}

fn named() -> anyhow::Result<Option<PathBuf>> {
    let Some(folder) = env::var_os(LIBS).map(PathBuf::from) else { return Ok(None) };
    ensure!(folder.is_dir(), "{LIBS} names {}, which is no folder", folder.display());
    // Processes run in folders of their own.
    let folder = folder.canonicalize().with_context(|| format!("{LIBS} cannot be followed"))?;
    Ok(Some(folder))
}

fn cached() -> PathBuf {
    cache().join(format!("kafka-{VERSION}"))
}

/// Fetches into a folder beside `folder` and renames it, so that no other process ever sees half of it.
fn fetch(folder: &Path) -> anyhow::Result<()> {
    java::check_maven()?;
    eprintln!("fetching Kafka {VERSION} with Maven: some seconds, once");
    let unfinished = folder.with_file_name(format!("kafka-{VERSION}.{}.unfinished", process::id()));
    let fetched = fetch_into(&unfinished).and_then(|libs| settle(&libs, folder));
    // Empty by now, or of no use; what is left behind does no harm.
    let _ = fs::remove_dir_all(&unfinished);
    fetched
}

fn fetch_into(unfinished: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(unfinished).with_context(|| format!("{} cannot be made", unfinished.display()))?;
    fs::write(unfinished.join("pom.xml"), POM.replace("VERSION", VERSION))
        .context("pom.xml cannot be written")?;
    let output = Command::new("mvn")
        .args([
            "-B",
            "-q",
            "dependency:copy-dependencies",
            "-DoutputDirectory=libs",
            "-DincludeScope=runtime",
        ])
        .current_dir(unfinished)
        .stdin(Stdio::null())
        .output()
        .context("mvn cannot be started")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        bail!("mvn could not fetch Kafka {VERSION}; it said:\n{}", said.trim_end());
    }
    Ok(unfinished.join("libs"))
}

/// Gives what was fetched its final name. Whoever was first has won, and all have the same.
fn settle(libs: &Path, folder: &Path) -> anyhow::Result<()> {
    match fs::rename(libs, folder) {
        Err(_) if folder.is_dir() => Ok(()),
        renamed => renamed.with_context(|| format!("{} cannot be made", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn second_of_two_that_fetched_uses_what_is_there() {
        let scratch = Scratch::new("test").unwrap();
        let folder = scratch.path().join("kafka");
        let fetched = |name: &str| {
            let libs = scratch.path().join(name);
            fs::create_dir(&libs).unwrap();
            fs::write(libs.join(name), "").unwrap();
            libs
        };

        settle(&fetched("first"), &folder).unwrap();
        settle(&fetched("second"), &folder).unwrap();

        assert!(folder.join("first").exists());
        assert!(!folder.join("second").exists());
    }

    #[test]
    fn what_cannot_be_given_its_name_is_an_error() {
        let scratch = Scratch::new("test").unwrap();

        let error = settle(&scratch.path().join("none"), &scratch.path().join("kafka")).unwrap_err();

        assert!(error.to_string().ends_with("kafka cannot be made"), "{error}");
    }
}
