//! The page that lists the mutants.

use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::mutant::Mutant;
use super::{FOLDER, Found, Hunted, seconds};
use crate::commit;

const PAGE: &str = "docs/mutants.md";
const CELL_CHARS_MAX: usize = 160;

/// Writes the page anew.
///
/// # Errors
///
/// Git does not tell the commit, or the page cannot be written.
pub(super) fn write(hunted: &[Hunted], seeds: u64, took: Duration) -> anyhow::Result<()> {
    let commit = commit::described(&["*.rs", FOLDER])?;
    fs::write(PAGE, page(hunted, seeds, took, &commit))
        .with_context(|| format!("{PAGE} cannot be written"))?;
    println!("{PAGE} is written");
    Ok(())
}

/// Whether the page lists every mutant with what it breaks, and no other.
///
/// # Errors
///
/// It does not, and is to be written anew.
pub(super) fn check(mutants: &[Mutant]) -> anyhow::Result<()> {
    let page = fs::read_to_string(PAGE).with_context(|| format!("{PAGE} cannot be read"))?;
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let fits = |(mutant, row): (&Mutant, &&str)| row.starts_with(&first_cells(mutant));
    ensure!(
        listed.len() == mutants.len() && mutants.iter().zip(&listed).all(fits),
        "{PAGE} does not list these mutants; to write it anew: cargo xtask mutants --record"
    );
    Ok(())
}

fn page(hunted: &[Hunted], seeds: u64, took: Duration, commit: &str) -> String {
    let (count, processors) = (hunted.len(), thread::available_parallelism().map_or(1, usize::from));
    let mut page = format!(
        "# Mutants\n\n\
         A check that never fails proves nothing. Each patch in `{FOLDER}/` breaks one thing: a decision of the engine, what a commit\n\
         says, the model of a cluster, `Once`, the redrive. `cargo xtask mutants` applies it to a copy, builds that, and wants it to be\n\
         noticed: by the simulation within {seeds} seeds, or by the test that the patch names. One that survives is a hole in the checks.\n\n\
         This page is written by `cargo xtask mutants --record`. Last, at commit {commit}: {count} mutants, all caught, in\n\
         {} on {processors} processors. The first run builds everything, and takes some minutes more. To see one fail:\n\
         `git apply {FOLDER}/NAME.patch`, and `cargo xtask sim --seed S --trace`.\n\n\
         | mutant | what is broken | caught by | what was said |\n|---|---|---|---|\n",
        seconds(took),
    );
    for Hunted { mutant, found } in hunted {
        let (by, said) = match found {
            Found::Caught { by, said } => (by, said),
            Found::Nothing(why) => (&"nothing".to_owned(), why),
        };
        // Writing to a string does not fail.
        let _ = writeln!(page, "{}{by} | {} |", first_cells(mutant), cell(said));
    }
    page
}

fn first_cells(mutant: &Mutant) -> String {
    format!("| `{}` | {} | ", mutant.name, cell(&mutant.broken))
}

/// A long text is cut: what an assertion compares may take pages.
fn cell(text: &str) -> String {
    let kept = text.char_indices().nth(CELL_CHARS_MAX).map_or(text, |(end, _)| &text[..end]);
    let cut = if kept.len() < text.len() { " …" } else { "" };
    format!("{}{cut}", kept.replace('|', r"\|"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cell(&"é".repeat(CELL_CHARS_MAX)), "é".repeat(CELL_CHARS_MAX));
        assert_eq!(cell(&"é".repeat(CELL_CHARS_MAX + 1)), "é".repeat(CELL_CHARS_MAX) + " …");
    }

    #[test]
    fn row_holds_mutant_catcher_and_what_was_said() {
        let patch = "It is a | b.\nCaught by: seeds\n\ndiff --git a/x b/x\n";
        let mutant = Mutant::parse(Path::new("mutants/01-a.patch"), patch).unwrap();
        let found = Found::Caught { by: "seed 3".into(), said: "x|y".into() };

        let page = page(&[Hunted { mutant, found }], 1_000, Duration::from_secs(9), "abc of today");

        assert!(page.ends_with("\n| `01-a` | It is a \\| b. | seed 3 | x\\|y |\n"), "{page}");
        assert!(page.contains("at commit abc of today: 1 mutants, all caught, in\n9.0 s on"), "{page}");
    }
}
