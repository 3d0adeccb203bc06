//! The rules of the house that a machine can check: what may depend on what, and what no source may hold.
//!
//! Each test names the file or crate that breaks a rule, and the rule. They read the sources and ask cargo;
//! they build nothing.

mod cargo;
mod code;
mod containers;
mod dependencies;
mod files;
mod guarantees;
mod manifests;
mod newcomers;
mod soundness;
mod sources;

/// Fails with every breach at once.
#[track_caller]
fn assert_none(breaches: Vec<String>, rule: &str) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}
