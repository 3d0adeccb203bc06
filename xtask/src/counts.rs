//! What a message costs in the engine, beside what is recorded: counted by valgrind.

use crate::package::Package;
use crate::step::Step;

/// Counts instructions.
pub(crate) const VALGRIND: Package =
    Package { program: "valgrind", version_argument: "--version", install: &["valgrind"] };

/// Counts and compares: a step of a longer run, for which [`VALGRIND`] has to be there.
pub(crate) fn step() -> Step {
    let bench = ["run", "--release", "--locked", "-p", "payflow-bench", "--", "core", "--check"];
    Step::cargo("counts", bench)
}
