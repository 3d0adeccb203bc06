//! What a message costs in the engine, beside what is recorded: counted by valgrind.

use crate::package::Package;
use crate::step::{Step, Steps};

/// Counts instructions.
const VALGRIND: Package =
    Package { program: "valgrind", version_argument: "--version", install: &["valgrind"] };

/// Counts and compares, as one step.
///
/// # Errors
///
/// Valgrind is not there and cannot be installed, or a count is not as recorded.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let counts = Step::cargo(
        "counts",
        ["run", "--release", "--locked", "-p", "payflow-bench", "--", "core", "--check"],
    );
    steps.time("counts", &counts.to_string(), || {
        VALGRIND.find_or_install()?;
        counts.run()
    })
}
