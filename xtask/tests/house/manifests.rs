//! What the `Cargo.toml` files say.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::assert_none;
use crate::cargo::{self, text};
use crate::files::{read, root, short};

/// What every crate takes from the workspace.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "repository"];

/// Crates that no `Cargo.toml` names, with what is used instead. deny.toml has those that may not even come along.
const NOT_NAMED: &[(&str, &str)] = &[
    ("backon", "payflow-core's RetryPolicy: a seed must repeat a run"),
    ("chrono", "jiff"),
    ("lazy_static", "std::sync::LazyLock"),
    ("once_cell", "std::sync::OnceLock or LazyLock"),
    ("rand", "a seed that is handed in"),
    ("rust_decimal", "payflow-core's Money"),
    ("time", "jiff"),
];

#[test]
fn crate_takes_its_facts_and_lints_from_the_workspace() {
    let inherits =
        |value: Option<&Value>| value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true));

    let mut breaches = Vec::new();
    for (path, manifest) in members() {
        let package = manifest.get("package");
        for key in INHERITED {
            if !inherits(package.and_then(|package| package.get(key))) {
                breaches.push(format!("{}: {key}.workspace = true is missing", short(&path)));
            }
        }
        if !inherits(manifest.get("lints")) {
            breaches.push(format!("{}: [lints] workspace = true is missing", short(&path)));
        }
    }
    assert_none(breaches, "one version, one toolchain, one licence, one table of lints");
}

#[test]
fn dependency_has_its_version_in_the_workspace_alone() {
    let mut breaches = Vec::new();
    for (path, manifest) in members() {
        for (name, dependency) in dependencies(&manifest) {
            if dependency.get("workspace") != Some(&Value::Boolean(true)) {
                breaches.push(format!("{}: {name} is not taken from the workspace", short(&path)));
            }
        }
    }
    assert_none(breaches, "every version is set in the root Cargo.toml");
}

#[test]
fn crate_that_has_a_better_one_is_not_named() {
    let mut breaches = Vec::new();
    for (path, manifest) in members() {
        for (name, _) in dependencies(&manifest) {
            let instead = NOT_NAMED.iter().find(|(other, _)| other == name).map(|(_, instead)| instead);
            breaches.extend(instead.map(|instead| format!("{}: {name}; use {instead}", short(&path))));
        }
    }
    assert_none(breaches, "one crate for each need");
}

#[test]
fn workspace_dependencies_are_sorted() {
    let path = root().join("Cargo.toml");
    let lines = read(&path);
    let table = lines.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let names: Vec<&str> = table
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .collect();
    // payflow's own come first, in an order of their own.
    let foreign: Vec<&str> = names.into_iter().filter(|name| !name.starts_with("payflow-")).collect();
    assert!(!foreign.is_empty(), "the workspace has dependencies");

    let unsorted = foreign
        .windows(2)
        .filter(|pair| pair[0] > pair[1])
        .map(|pair| format!("{} before {}", pair[0], pair[1]));
    assert_none(unsorted.collect(), "Cargo.toml: [workspace.dependencies] is sorted by name");
}

#[test]
fn crate_says_what_it_is() {
    let mut breaches = Vec::new();
    for (path, manifest) in members() {
        let description =
            manifest.get("package").and_then(|package| package.get("description")).and_then(Value::as_str);
        if description.is_none_or(|description| description.len() < 20) {
            breaches.push(format!("{}: description is missing or says nothing", short(&path)));
        }
    }
    assert_none(breaches, "every crate has a description of one sentence");
}

fn members() -> Vec<(PathBuf, Table)> {
    let parse = |package: &serde_json::Value| {
        let path = Path::new(text(package, "manifest_path")).to_owned();
        let manifest = read(&path).parse().unwrap_or_else(|error| panic!("{}: {error}", short(&path)));
        (path, manifest)
    };
    cargo::members().iter().map(parse).collect()
}

/// All three kinds, those of `target.'cfg(…)'` included.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([manifest]);
    let of_kind = tables.flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()));
    of_kind.flatten().collect()
}
