//! The long forms: what takes too long for CI, run one after another, and written down.

mod page;
mod proof;

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use self::page::{Page, Result as Outcome};
use self::proof::{PROOFS, Proof};
use crate::commit;
use crate::step::{Step, Steps};
use crate::test::broker::Source;

/// Tells which proofs there are.
pub(crate) fn list() {
    for proof in PROOFS {
        println!(
            "{:<12} {}{}",
            proof.name,
            proof.promise,
            proof.rounds.map_or(String::new(), |rounds| format!(" ({rounds} rounds)"))
        );
    }
}

/// Runs those of these names, or all, and writes the page after each.
///
/// # Errors
///
/// A name is none; a part is missing; or a proof failed.
pub(crate) fn run(only: &[String], rounds: Option<u32>) -> anyhow::Result<()> {
    let chosen = chosen(only)?;
    let mut page = Page::read()?;
    let source = Source::find()?;
    let (commit, start) = (commit::described(&["*.rs", "Cargo.toml", "Cargo.lock"])?, Instant::now());
    let mut steps = Steps::default();
    let broker = source.provide(&mut steps)?;
    let mut failed = Vec::new();
    for (number, proof) in (1..).zip(&chosen) {
        println!("\nproof {number} of {}, {}: {}", chosen.len(), proof.name, proof.promise);
        let begin = Instant::now();
        let asked = rounds.or(proof.rounds);
        let ran = proof.run(broker.address(), asked);
        let outcome = Outcome { proof, asked, ran, took: begin.elapsed(), commit: &commit, date: today()? };
        if let Some(why) = outcome.failure() {
            eprintln!("{} failed: {why}", proof.name);
            failed.push(proof.name);
        }
        page.put(&outcome);
        page.write()?;
    }
    println!("\nall in {}; {} is written", minutes(start.elapsed()), Page::PATH);
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Proof>> {
    if let Some(unknown) = only.iter().find(|name| !PROOFS.iter().any(|proof| proof.name == name.as_str())) {
        bail!("{unknown} is no proof: cargo xtask prove --list tells which there are");
    }
    let is_chosen = |proof: &&Proof| only.is_empty() || only.iter().any(|name| name == proof.name);
    Ok(PROOFS.iter().filter(is_chosen).collect())
}

fn today() -> anyhow::Result<String> {
    let date = Step::new("read date", "date", ["-u", "+%Y-%m-%d"]).output()?;
    Ok(date.trim().to_owned())
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{} min {} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_chosen_by_name_and_a_wrong_one_is_told() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
            chosen(&only).map(|chosen| chosen.iter().map(|proof| proof.name).collect::<Vec<_>>())
        };

        assert_eq!(names(&["kills", "restarts"]).unwrap(), ["restarts", "kills"]);
        assert_eq!(names(&[]).unwrap().len(), PROOFS.len());
        assert!(names(&["kill"]).unwrap_err().to_string().contains("--list"));
    }

    #[test]
    fn time_is_told_in_minutes() {
        assert_eq!(minutes(Duration::from_millis(61_999)), "1 min 1 s");
    }
}
