//! The state of the sources, for pages that are written by a run.

use crate::step::Step;

/// The commit and its date, and whether something else was run than what it holds: `paths` are what counts.
///
/// # Errors
///
/// Git does not tell.
pub(crate) fn described(paths: &[&str]) -> anyhow::Result<String> {
    let git = |args: &[&str]| Step::new("read commit", "git", args).output();
    let commit = git(&["show", "--no-patch", "--format=%h of %cs", "HEAD"])?;
    let mut commit = commit.trim().to_owned();
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    if !git(&[&status[..], paths].concat())?.is_empty() {
        commit.push_str(", with changes that were not committed");
    }
    Ok(commit)
}
