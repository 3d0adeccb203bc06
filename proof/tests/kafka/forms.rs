//! The short form of a scenario, which CI runs, and the long one, which `cargo xtask prove` asks for.

use std::env;
use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;

/// Set by `cargo xtask prove`: how many rounds.
const ROUNDS: &str = "PAYFLOW_PROVE_ROUNDS";
/// Set by `cargo xtask prove`: the file that takes the facts.
const FACTS: &str = "PAYFLOW_PROVE_FACTS";

/// Whether this is the long form: alone on the machine, and in no hurry.
pub(crate) fn is_long() -> bool {
    env::var_os(ROUNDS).is_some()
}

/// How many rounds there are: so many in CI.
pub(crate) fn rounds(short: usize) -> usize {
    match env::var(ROUNDS) {
        Ok(rounds) => rounds.parse().expect("a number of rounds"),
        Err(_) => short,
    }
}

/// A line of progress.
pub(crate) fn tell_round(number: usize, rounds: usize, what: impl Display) {
    eprintln!("round {} of {rounds}: {what}", number + 1);
}

/// A fact about the run, for `docs/proofs.md`. Figures bear their unit, such as `1.5 s`.
pub(crate) fn fact(name: &str, value: impl Display) {
    eprintln!("{name}: {value}");
    if let Some(path) = env::var_os(FACTS) {
        let mut file = File::options().create(true).append(true).open(path).expect("the file can be written");
        writeln!(file, "{name}: {value}").expect("the disk has room");
    }
}

/// The same for a time.
pub(crate) fn time(name: &str, time: std::time::Duration) {
    fact(name, format_args!("{:.3} s", time.as_secs_f64()));
}
