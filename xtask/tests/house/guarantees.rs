//! What the guarantees name as their proof exists.

use crate::assert_none;
use crate::files::{all_rust_files, read, root};

#[test]
fn every_test_that_a_guarantee_names_exists() {
    let sources: String = all_rust_files().iter().map(|path| read(path)).collect();
    let guarantees = read(&root().join("docs/guarantees.md"));
    let names: Vec<&str> =
        guarantees.split('`').skip(1).step_by(2).filter(|name| is_test_name(name)).collect();
    assert!(names.len() > 30, "the guarantees name {} tests: are they still read right?", names.len());
    // A test is a function, or a row of the conformance suite.
    let exists =
        |name: &str| sources.contains(&format!("fn {name}(")) || sources.contains(&format!(" {name} ["));
    let missing = names.into_iter().filter(|name| !exists(name)).map(str::to_owned);
    assert_none(missing.collect(), "docs/guarantees.md names tests that exist");
}

/// Several lower-case words: types, files and flags look different.
fn is_test_name(name: &str) -> bool {
    name.matches('_').count() >= 2
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
