//! Mutants: the code broken on purpose, one patch at a time, to see that the simulation or a test notices.

mod copy;
mod hunt;
mod mutant;
mod record;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use self::copy::Copy;
use self::hunt::{Found, Hunter};
use self::mutant::{Catcher, Mutant};

/// Where the patches are.
const FOLDER: &str = "mutants";

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Only those whose name contains one of these; all if there is none.
    pub(crate) names: Vec<String>,
    /// Seeds that the simulation has to catch one in.
    pub(crate) seeds: u64,
    /// Whether to write `docs/mutants.md`.
    pub(crate) record: bool,
}

/// A mutant, and what came of it.
#[derive(Debug)]
struct Hunted {
    mutant: Mutant,
    found: Found,
}

/// Breaks a copy of the workspace with one mutant after the other, and wants each caught.
///
/// # Errors
///
/// The copy fails as it is; a mutant does not apply or build; or one survives.
pub(crate) fn run(asked: &Asked) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mutants = chosen(Mutant::all(Path::new(FOLDER))?, &asked.names)?;
    let copy = Copy::make()?;
    let hunter = Hunter::new(&copy, asked.seeds);
    println!("==> control: what is not broken passes");
    control(&hunter, &mutants)?;

    let count = mutants.len();
    let mut hunted = Vec::new();
    for (number, mutant) in (1..).zip(mutants) {
        let begun = Instant::now();
        copy.apply(&mutant)?;
        let found = hunter.hunt(&mutant.catcher);
        copy.revert(&mutant)?;
        let found = found.with_context(|| format!("mutant {}", mutant.name))?;
        println!("==> {number} of {count}, {}: {found} ({})", mutant.name, seconds(begun.elapsed()));
        hunted.push(Hunted { mutant, found });
    }
    println!("\n{}", table(&hunted));
    let took = begun.elapsed();
    let survivors: Vec<&str> = hunted.iter().filter(|one| !one.found.is_caught()).map(Hunted::name).collect();
    println!("{count} mutants, {} caught, in {}", count - survivors.len(), seconds(took));
    ensure!(
        survivors.is_empty(),
        "nothing notices {}: the simulation or a test lacks a check",
        survivors.join(", ")
    );
    if asked.record {
        record::write(&hunted, asked.seeds, took)?;
    }
    Ok(())
}

/// Whether each patch still fits the code and is listed in the docs. It builds nothing.
///
/// # Errors
///
/// Names each that does not, and how to make it anew.
pub(crate) fn check() -> anyhow::Result<()> {
    let mutants = Mutant::all(Path::new(FOLDER))?;
    let mut breaches = Vec::new();
    for mutant in &mutants {
        let checked = mutant.check_applies(Path::new(".")).and_then(|()| match &mutant.catcher {
            Catcher::Seeds => Ok(()),
            Catcher::Test(test) => test.target(Path::new(".")).map(drop),
        });
        breaches.extend(checked.err().map(|error| format!("{error:#}")));
    }
    breaches.extend(record::check(&mutants).err().map(|error| format!("{error:#}")));
    ensure!(breaches.is_empty(), "{}", breaches.join("\n"));
    println!("{} mutants apply", mutants.len());
    Ok(())
}

/// Without this, a copy that always fails would pass for one in which all is noticed.
fn control(hunter: &Hunter<'_>, mutants: &[Mutant]) -> anyhow::Result<()> {
    let mut catchers: Vec<&Catcher> = mutants.iter().map(|mutant| &mutant.catcher).collect();
    catchers.sort();
    catchers.dedup();
    for catcher in catchers {
        match hunter.hunt(catcher)? {
            Found::Nothing(_) => {}
            found @ Found::Caught { .. } => bail!("the code fails without any mutant: {found}"),
        }
    }
    Ok(())
}

fn chosen(mutants: Vec<Mutant>, names: &[String]) -> anyhow::Result<Vec<Mutant>> {
    if names.is_empty() {
        return Ok(mutants);
    }
    for name in names {
        let known = mutants.iter().any(|mutant| mutant.name.contains(name));
        ensure!(known, "no mutant has {name} in its name: see the folder {FOLDER}");
    }
    Ok(mutants.into_iter().filter(|mutant| names.iter().any(|name| mutant.name.contains(name))).collect())
}

impl Hunted {
    fn name(&self) -> &str {
        &self.mutant.name
    }
}

fn table(hunted: &[Hunted]) -> String {
    let width = hunted.iter().map(|one| one.name().len()).max().unwrap_or(0);
    let rows = hunted.iter().map(|one| format!("{:<width$}  {}\n", one.name(), one.found));
    rows.collect()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(name: &str) -> Mutant {
        Mutant::parse(
            format!("mutants/{name}.patch").as_ref(),
            "It is broken.\nCaught by: seeds\n\ndiff --git a/x b/x\n",
        )
        .unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn mutants_are_chosen_by_a_part_of_their_name() {
        let all = || vec![mutant("01-storm-a"), mutant("02-gap"), mutant("03-storm-b")];

        assert_eq!(chosen(all(), &[]).unwrap().len(), 3);
        let chosen_ones = chosen(all(), &names(&["storm"])).unwrap();
        assert_eq!(
            chosen_ones.iter().map(|mutant| &*mutant.name).collect::<Vec<_>>(),
            ["01-storm-a", "03-storm-b"]
        );
    }

    #[test]
    fn name_that_no_mutant_has_is_refused() {
        let error = chosen(vec![mutant("01-gap")], &names(&["gap", "strom"])).unwrap_err().to_string();

        assert_eq!(error, "no mutant has strom in its name: see the folder mutants");
    }
}
