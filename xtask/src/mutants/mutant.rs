//! A mutant: a patch that breaks one thing, and who is to notice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::FOLDER;
use crate::step::command;

/// A patch, with what its first lines say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mutant {
    /// The file's name without its ending.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// One sentence.
    pub(super) broken: String,
    pub(super) catcher: Catcher,
}

/// Who is to notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Catcher {
    /// The simulation.
    Seeds,
    Test(Test),
}

/// A test that is to fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    pub(super) name: String,
    /// The crate's folder has the same name.
    pub(super) package: String,
}

impl Mutant {
    /// All that a folder holds, by name.
    ///
    /// # Errors
    ///
    /// There is none, or one cannot be read.
    pub(super) fn all(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let cannot = || format!("{} cannot be listed", folder.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                paths.push(path);
            }
        }
        paths.sort();
        ensure!(!paths.is_empty(), "{} holds no patch", folder.display());
        let read = |path: &PathBuf| {
            let text =
                fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            Self::parse(path, &text)
        };
        paths.iter().map(read).collect()
    }

    /// Reads the lines before the patch itself.
    ///
    /// # Errors
    ///
    /// They are not of the form `What is broken.`, `Caught by: seeds` or `Caught by: test NAME (CRATE)`.
    pub(super) fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default();
        let (broken, caught) = (next(), next());
        let catcher = caught.strip_prefix("Caught by: ").and_then(Catcher::parse);
        ensure!(
            broken.ends_with('.') && text.contains("\ndiff --git "),
            "{}: the first line says in a sentence what is broken, and a git diff follows",
            path.display()
        );
        let catcher = catcher.with_context(|| {
            let path = path.display();
            format!("{path}: the second line is `Caught by: seeds` or `Caught by: test NAME (CRATE)`")
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, path: path.to_owned(), broken: broken.to_owned(), catcher })
    }

    /// Whether the patch fits the code in a folder.
    ///
    /// # Errors
    ///
    /// It does not; the error says how to make it anew.
    pub(super) fn check_applies(&self, root: &Path) -> anyhow::Result<()> {
        self.git_apply(root, &["--check"])
    }

    /// Applies the patch, or takes it back with `--reverse`.
    ///
    /// # Errors
    ///
    /// It does not fit the code; the error says how to make it anew.
    pub(super) fn git_apply(&self, root: &Path, flags: &[&str]) -> anyhow::Result<()> {
        let patch = fs::canonicalize(&self.path).context("the patch cannot be found")?;
        let root = fs::canonicalize(root).context("the code cannot be found")?;
        let output = command("git")
            .arg("apply")
            .args(flags)
            .arg(patch)
            // Inside a repository git would look for the files from its top on, and pass over all others unseen.
            .env("GIT_CEILING_DIRECTORIES", root.parent().unwrap_or(&root))
            .current_dir(&root)
            .output()
            .context("git cannot be started")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", self.not_applied(told.trim()));
        Ok(())
    }

    fn not_applied(&self, told: &str) -> String {
        let Self { name, broken, .. } = self;
        format!(
            "{FOLDER}/{name}.patch no longer applies: {told}\n  \
             to make it anew: break the code by hand (\"{broken}\"), then\n  \
             (sed '/^diff /,$d' {FOLDER}/{name}.patch; git diff -U1 '*.rs') > new.patch && \
             mv new.patch {FOLDER}/{name}.patch && git restore '*.rs'"
        )
    }
}

impl Catcher {
    fn parse(text: &str) -> Option<Self> {
        if text == "seeds" {
            return Some(Self::Seeds);
        }
        let (name, package) = text.strip_prefix("test ")?.strip_suffix(')')?.split_once(" (")?;
        let is_word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
        (is_word(name) && is_word(package))
            .then(|| Self::Test(Test { name: name.to_owned(), package: package.to_owned() }))
    }
}

impl Test {
    /// What of its crate is to be built: the library's tests, or one file or folder of `tests`.
    ///
    /// # Errors
    ///
    /// The crate has no such test.
    pub(super) fn target(&self, root: &Path) -> anyhow::Result<Vec<String>> {
        let (package, wanted) = (root.join(&self.package), format!("fn {}(", self.name));
        if holds(&package.join("src"), &wanted) {
            return Ok(vec!["--lib".to_owned()]);
        }
        let programs = fs::read_dir(package.join("tests")).into_iter().flatten().flatten();
        let found = programs.map(|entry| entry.path()).find(|path| holds(path, &wanted));
        let name = found.and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        let name = name.with_context(|| format!("{} has no test {}", self.package, self.name))?;
        Ok(vec!["--test".to_owned(), name])
    }
}

/// Whether a file, or one in a folder, holds these words.
fn holds(path: &Path, wanted: &str) -> bool {
    if path.is_dir() {
        let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
        return entries.any(|entry| holds(&entry.path(), wanted));
    }
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    is_rust && fs::read_to_string(path).is_ok_and(|text| text.contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Mutant> {
        Mutant::parse(Path::new("mutants/07-x.patch"), text)
    }

    #[test]
    fn first_lines_say_what_is_broken_and_who_notices() {
        let mutant =
            parse("All is lost.\nCaught by: test a_b (payflow-core)\n\ndiff --git a/f b/f\n").unwrap();

        assert_eq!((&*mutant.name, &*mutant.broken), ("07-x", "All is lost."));
        let test = Test { name: "a_b".into(), package: "payflow-core".into() };
        assert_eq!(mutant.catcher, Catcher::Test(test));
    }

    #[test]
    fn other_first_lines_are_refused_with_the_form() {
        for second in ["", "Caught by: seed 7", "Caught by: test a_b", "Caught by: test (payflow-core)"] {
            let error = parse(&format!("All is lost.\n{second}\n\ndiff --git a/f b/f\n")).unwrap_err();
            assert!(error.to_string().contains("`Caught by: test NAME (CRATE)`"), "{error}");
        }
        for text in ["", "diff --git a/f b/f\n", "All is lost.\nCaught by: seeds\n"] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().starts_with("mutants/07-x.patch: the first line"), "{error}");
        }
    }

    #[test]
    fn patch_fits_once_and_then_says_how_to_make_it_anew() {
        let root = std::env::temp_dir().join(format!("payflow-mutant-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let (path, code) = (root.join("07-x.patch"), root.join("f.rs"));
        let text = "All is lost.\nCaught by: seeds\n\ndiff --git a/f.rs b/f.rs\n--- a/f.rs\n+++ b/f.rs\n\
                    @@ -1 +1 @@\n-kept\n+lost\n";
        fs::write(&path, text).unwrap();
        fs::write(&code, "kept\n").unwrap();
        let mutant = Mutant::parse(&path, text).unwrap();

        mutant.check_applies(&root).unwrap();
        assert_eq!(fs::read_to_string(&code).unwrap(), "kept\n");
        mutant.git_apply(&root, &[]).unwrap();
        assert_eq!(fs::read_to_string(&code).unwrap(), "lost\n");
        let error = mutant.check_applies(&root).unwrap_err().to_string();
        assert!(
            error.starts_with("mutants/07-x.patch no longer applies: error: patch failed: f.rs:1"),
            "{error}"
        );
        assert!(error.contains("to make it anew: break the code by hand (\"All is lost.\")"), "{error}");
        mutant.git_apply(&root, &["--reverse"]).unwrap();
        assert_eq!(fs::read_to_string(&code).unwrap(), "kept\n");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn test_that_is_gone_is_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let here = |name: &str| Test { name: name.into(), package: ".".into() };

        assert_eq!(here("test_that_is_gone_is_named").target(root).unwrap(), ["--lib"]);
        assert_eq!(here("file_holds_one_idea").target(root).unwrap(), ["--test", "house"]);
        let gone = ["no", "such", "test"].join("_");
        assert_eq!(here(&gone).target(root).unwrap_err().to_string(), ". has no test no_such_test");
    }
}
