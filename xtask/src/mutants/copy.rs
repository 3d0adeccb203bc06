//! The copy of the workspace that is broken.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::mutant::Mutant;
use crate::step::Step;

/// A copy of what git knows of, as it stands in the workspace. It is kept, so that the next run builds only what changed.
#[derive(Debug)]
pub(super) struct Copy {
    root: PathBuf,
    build: PathBuf,
}

impl Copy {
    /// Makes the copy, or brings the last one up to date, whatever a run that was broken off has left in it.
    ///
    /// # Errors
    ///
    /// Git does not tell the files, or one cannot be copied.
    pub(super) fn make() -> anyhow::Result<Self> {
        let base = Path::new("target/mutants");
        let root = base.join("copy");
        fs::create_dir_all(&root).with_context(|| cannot("made", &root))?;
        let listed = Step::new("list files", "git", ["ls-files", "-z"]).output()?;
        // One may be deleted already, and git not know it yet.
        let files: BTreeSet<&Path> =
            listed.split_terminator('\0').map(Path::new).filter(|file| file.exists()).collect();
        for file in &files {
            update(file, &root.join(file))?;
        }
        remove_others(&root, &root, &files)?;
        let absolute = |path: &Path| fs::canonicalize(path).with_context(|| cannot("found", path));
        Ok(Self { root: absolute(&root)?, build: absolute(base)?.join("build") })
    }

    /// Where the code is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where it is built.
    pub(super) fn build(&self) -> &Path {
        &self.build
    }

    pub(super) fn apply(&self, mutant: &Mutant) -> anyhow::Result<()> {
        mutant.git_apply(&self.root, &[])
    }

    pub(super) fn revert(&self, mutant: &Mutant) -> anyhow::Result<()> {
        mutant.git_apply(&self.root, &["--reverse"])
    }
}

/// A file that is the same is left alone: cargo goes by times.
fn update(from: &Path, to: &Path) -> anyhow::Result<()> {
    let held = fs::read(from).with_context(|| cannot("read", from))?;
    if fs::read(to).is_ok_and(|known| known == held) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| cannot("made", folder))?;
    }
    fs::write(to, held).with_context(|| cannot("written", to))
}

/// Removes what is not in the workspace any more.
fn remove_others(root: &Path, folder: &Path, files: &BTreeSet<&Path>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| cannot("listed", folder))? {
        let path = entry.with_context(|| cannot("listed", folder))?.path();
        if path.is_dir() {
            remove_others(root, &path, files)?;
        } else if path.strip_prefix(root).is_ok_and(|file| !files.contains(file)) {
            fs::remove_file(&path).with_context(|| cannot("removed", &path))?;
        }
    }
    Ok(())
}

fn cannot(what: &str, path: &Path) -> String {
    format!("{} cannot be {what}", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn copy_takes_what_changed_and_leaves_alone_what_did_not() {
        let base = std::env::temp_dir().join(format!("payflow-copy-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        fs::create_dir_all(&from).unwrap();
        for file in ["same", "changed"] {
            fs::write(from.join(file), "old").unwrap();
            update(&from.join(file), &to.join("folder").join(file)).unwrap();
        }
        let copied = |file: &str| to.join("folder").join(file);
        for file in ["same", "changed"] {
            File::options().write(true).open(copied(file)).unwrap().set_modified(UNIX_EPOCH).unwrap();
        }
        fs::write(from.join("changed"), "new").unwrap();
        fs::write(to.join("gone"), "x").unwrap();

        for file in ["same", "changed"] {
            update(&from.join(file), &copied(file)).unwrap();
        }
        let files = ["folder/same", "folder/changed"].map(Path::new);
        remove_others(&to, &to, &BTreeSet::from(files)).unwrap();

        let written = |file: &str| fs::metadata(copied(file)).unwrap().modified().unwrap();
        assert!(written("same") == UNIX_EPOCH && written("changed") > UNIX_EPOCH);
        assert_eq!(fs::read_to_string(copied("changed")).unwrap(), "new");
        assert!(!to.join("gone").exists());
        fs::remove_dir_all(base).unwrap();
    }
}
