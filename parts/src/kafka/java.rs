//! The Java that runs Kafka.

use std::ffi::OsString;
use std::path::Path;

use anyhow::ensure;

use crate::program::Program;

/// The oldest that runs a Kafka broker.
const VERSION_MIN: u32 = 17;

/// Installs both of what Kafka needs.
const INSTALL: &str = "apt-get install openjdk-17-jre-headless maven";

const JAVA: Program =
    Program { name: "java", version_argument: "-version", purpose: "which runs Kafka", install: INSTALL };

const MAVEN: Program =
    Program { name: "mvn", version_argument: "-version", purpose: "which fetches Kafka", install: INSTALL };

/// Checks that Java is there, and new enough.
pub(crate) fn check_java() -> anyhow::Result<()> {
    if let Some(version) = major(&JAVA.version()?) {
        ensure!(
            version >= VERSION_MIN,
            "java is version {version}, and Kafka needs {VERSION_MIN}: install it with `{INSTALL}`"
        );
    }
    Ok(())
}

/// Checks that Maven is there.
pub(crate) fn check_maven() -> anyhow::Result<()> {
    MAVEN.version().map(|_| ())
}

/// The arguments that run the main class `class` of the jars in `libs`, with `log4j2.yaml` of the working folder.
pub(crate) fn arguments(libs: &Path, options: &[&str], class: &str, args: &[&str]) -> Vec<OsString> {
    let mut class_path = OsString::from(libs);
    // Java itself finds the jars.
    class_path.push("/*");
    let mut all: Vec<OsString> = options.iter().map(OsString::from).collect();
    all.extend([
        OsString::from("-cp"),
        class_path,
        "-Dlog4j2.configurationFile=log4j2.yaml".into(),
        class.into(),
    ]);
    all.extend(args.iter().map(OsString::from));
    all
}

/// `openjdk version "17.0.15" 2025-04-15`; before Java 9 it was `"1.8.0_442"`.
fn major(text: &str) -> Option<u32> {
    let version = text.split('"').nth(1)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let first: u32 = numbers.next()?.parse().ok()?;
    if first == 1 { numbers.next()?.parse().ok() } else { Some(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_every_spelling() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(major("openjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(major("openjdk version \"22-ea\""), Some(22));
        assert_eq!(major("java version \"1.8.0_442\""), Some(8));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn class_path_is_left_to_java_to_expand() {
        let args = arguments(Path::new("/a b/libs"), &["-Xmx512m"], "kafka.Kafka", &["server.properties"]);

        assert_eq!(args[..3], ["-Xmx512m", "-cp", "/a b/libs/*"].map(OsString::from));
        assert_eq!(args[4..], ["kafka.Kafka", "server.properties"].map(OsString::from));
    }
}
