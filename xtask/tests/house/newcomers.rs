//! What newcomers are told in README.md and CONTRIBUTING.md is what there is.

use crate::assert_none;
use crate::files::{read, root};

#[test]
fn every_step_of_ci_stands_in_contributing_in_its_place() {
    let steps = read(&root().join("xtask/src/ci.rs"));
    let steps =
        steps.split("const STEPS").nth(1).and_then(|rest| rest.split("];").next()).unwrap_or_default();
    let steps: Vec<&str> = steps.split('"').skip(1).step_by(2).collect();
    assert!(steps.len() > 5, "xtask/src/ci.rs lists its steps as STEPS: {steps:?}");

    let contributing = read(&root().join("CONTRIBUTING.md"));
    let table = contributing.split("| step | fails if |\n|---|---|\n").nth(1).unwrap_or_default();
    let rows = table.lines().map_while(|line| line.strip_prefix("| ")?.split(" | ").next());
    let told: Vec<&str> = rows.flat_map(|row| row.split(", ")).collect();
    assert_eq!(
        told, steps,
        "left: the table of CI's steps in CONTRIBUTING.md; right: STEPS in xtask/src/ci.rs"
    );
}

#[test]
fn what_ci_asks_for_is_told_to_newcomers() {
    let packages = asked_for(&read(&root().join(".ci/run")));
    assert!(packages.contains(&"maven".to_owned()), ".ci/run asks for Maven: {packages:?}");

    let mut breaches = Vec::new();
    for file in ["README.md", "CONTRIBUTING.md"] {
        let text = read(&root().join(file));
        let missing = packages.iter().filter(|package| !text.contains(*package));
        breaches.extend(missing.map(|package| format!("{file}: {package}")));
    }
    assert_none(breaches, "both name every package that .ci/run asks for");
}

/// The packages that its lines `need PROGRAM "INSTALLER install PACKAGE…"` name.
fn asked_for(script: &str) -> Vec<String> {
    let remedies =
        script.lines().filter(|line| line.starts_with("need ")).filter_map(|line| line.split('"').nth(1));
    let packages = remedies.filter_map(|remedy| remedy.split_once(" install ")).map(|(_, packages)| packages);
    packages.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_what_is_needed() {
        let script = "need cargo \"install Rust with rustup\"\n  need a \"apt-get install b\"\nneed c \"apt-get install d e-f\"\n";

        assert_eq!(asked_for(script), ["d", "e-f"]);
    }
}
