//! The deterministic simulation over many seeds.

use crate::step::{Step, Steps};

/// Runs the simulation with these arguments.
///
/// # Errors
///
/// It does not build; a seed breaks a promise; or a kind of fault was hit too seldom.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    Steps::default().run(&step(args))
}

/// The step of a longer run: so many seeds from 0 on.
pub(crate) fn seeds(seeds: u64) -> Step {
    step(&["--seeds".to_owned(), seeds.to_string()])
}

fn step(args: &[String]) -> Step {
    let cargo = ["run", "--locked", "--quiet", "-p", "payflow-simulation", "--"];
    Step::cargo("simulation", cargo.into_iter().map(String::from).chain(args.iter().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_reach_the_simulation_unchanged() {
        let args = ["--seed", "7", "--trace"].map(String::from);
        let line = "cargo run --locked --quiet -p payflow-simulation -- --seed 7 --trace";
        assert_eq!(step(&args).to_string(), line);
    }
}
