//! What the Dockerfile has to be told whenever the workspace changes. CI builds no image, so that nothing else would tell.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::assert_none;
use crate::cargo::{members, text};
use crate::files::{read, root, short};

#[test]
fn image_is_built_by_the_oldest_rust_that_is_promised() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("Cargo.toml is TOML");
    let promised = manifest["workspace"]["package"]["rust-version"].as_str().expect("a text");

    let tag = dockerfile().lines().find_map(|line| line.strip_prefix("ARG RUST=").map(str::to_owned));

    assert_eq!(tag.as_deref(), Some(format!("{promised}-bookworm").as_str()), "Dockerfile: ARG RUST");
}

#[test]
fn image_is_built_from_every_crate_that_its_programs_need() {
    let (dockerfile, members) = (dockerfile(), members());
    let programs: BTreeSet<&str> = values(&dockerfile, "--package ").collect();
    assert!(!programs.is_empty(), "the Dockerfile builds packages");

    let breaches = needed(&members, &programs)
        .into_iter()
        .map(|member| folder(text(member, "manifest_path")))
        .filter(|folder| !is_copied(&dockerfile, folder))
        .map(|folder| format!("Dockerfile: COPY {folder} {folder} is missing"));
    assert_none(breaches.collect(), "what is not copied is built as an empty crate");
}

#[test]
fn image_knows_the_source_of_every_target() {
    let dockerfile = dockerfile();
    let mut breaches = Vec::new();
    for member in members() {
        for target in member["targets"].as_array().expect("a list of targets") {
            let path = short(Path::new(text(target, "src_path")));
            if is_named_by_a_manifest(target) && !is_kept(&dockerfile, &path) {
                breaches.push(format!("Dockerfile, stage manifests: ! -path ./{path} is missing"));
            }
        }
    }
    assert_none(breaches, "cargo refuses the whole workspace if a target has no source");
}

fn dockerfile() -> String {
    read(&root().join("Dockerfile"))
}

/// The words behind each `key`.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(key).skip(1).filter_map(|rest| rest.split_whitespace().next())
}

/// These packages, and those of the workspace that they are built from.
fn needed<'a>(members: &'a [Value], programs: &BTreeSet<&str>) -> Vec<&'a Value> {
    let member = |name: &str| members.iter().find(|member| text(member, "name") == name);
    let mut found: Vec<&Value> = Vec::new();
    let mut open: Vec<String> = programs.iter().map(|name| (*name).to_owned()).collect();
    while let Some(name) = open.pop() {
        if found.iter().any(|found| text(found, "name") == name) {
            continue;
        }
        let Some(member) = member(&name) else {
            assert!(!programs.contains(name.as_str()), "Dockerfile: --package {name} is no package");
            continue;
        };
        found.push(member);
        let dependencies = member["dependencies"].as_array().expect("a list of dependencies");
        // Tests alone need the others.
        let built = dependencies.iter().filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        open.extend(built.map(|dependency| text(dependency, "name").to_owned()));
    }
    found
}

/// The first folder below the workspace's.
fn folder(manifest: &str) -> String {
    short(Path::new(manifest)).split('/').next().unwrap_or_default().to_owned()
}

fn is_copied(dockerfile: &str, folder: &str) -> bool {
    dockerfile.lines().any(|line| line == format!("COPY {folder} {folder}"))
}

/// Cargo looks for the others itself, and does without.
fn is_named_by_a_manifest(target: &Value) -> bool {
    let kinds = target["kind"].as_array().expect("a list of kinds");
    kinds.iter().any(|kind| !["example", "test", "bench"].contains(&kind.as_str().unwrap_or_default()))
}

/// Whether the stage `manifests` keeps the file.
fn is_kept(dockerfile: &str, path: &str) -> bool {
    path.ends_with("/src/lib.rs")
        || path.ends_with("/src/main.rs")
        || path.contains("/src/bin/")
        || dockerfile.contains(&format!("! -path ./{path} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &str) -> Value {
        serde_json::from_str(&format!(r#"{{"name":"{name}","dependencies":[{dependencies}]}}"#)).unwrap()
    }

    #[test]
    fn needed_is_what_is_built_and_not_what_tests_use() {
        let members = [
            package(
                "a",
                r#"{"name":"b","kind":null},{"name":"foreign","kind":null},{"name":"d","kind":"dev"}"#,
            ),
            package("b", r#"{"name":"c","kind":"build"}"#),
            package("c", r#"{"name":"b","kind":null}"#),
            package("d", ""),
        ];

        let needed = needed(&members, &BTreeSet::from(["a"]));

        let names: BTreeSet<&str> = needed.into_iter().map(|member| text(member, "name")).collect();
        assert_eq!(names, BTreeSet::from(["a", "b", "c"]));
    }

    #[test]
    fn source_in_an_unusual_place_has_to_be_named() {
        let dockerfile = "RUN find . ! -path ./a/tests/fixture.rs -delete\n";

        for (path, kept) in [
            ("a/src/lib.rs", true),
            ("a/src/bin/b.rs", true),
            ("a/tests/fixture.rs", true),
            ("a/tests/fixture", false),
            ("a/build.rs", false),
        ] {
            assert_eq!(is_kept(dockerfile, path), kept, "{path}");
        }
    }

    #[test]
    fn folder_is_copied_only_as_a_whole_and_to_its_own_place() {
        let dockerfile = "COPY proto proto\nCOPY examples/demo examples/demo\nCOPY parts elsewhere\n";

        assert!(is_copied(dockerfile, "proto"));
        assert!(!is_copied(dockerfile, "examples"));
        assert!(!is_copied(dockerfile, "parts"));
        assert!(!is_copied(dockerfile, "pro"));
    }
}
