//! What may depend on what.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::assert_none;
use crate::cargo::{Crate, members, packages, text, tree};

/// Crates, itself included, that payflow-core may be built from. Whoever uses payflow builds them all.
const CORE_CRATES_MAX: usize = 50;

/// Kafka, HTTP, SQL, TLS and protobuf: known to adapters alone.
const ADAPTERS_ONLY: &[&str] = &[
    "axum",
    "diesel",
    "h2",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "native-tls",
    "openssl",
    "postgres",
    "prost",
    "prost-build",
    "prost-types",
    "protobuf",
    "protox",
    "rdkafka",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls",
    "sqlx",
    "sqlx-core",
    "tokio-postgres",
    "tokio-rustls",
    "tonic",
    "tower",
];

/// What a published crate uses in its tests alone.
const FOR_TESTS: &[&str] = &["payflow-parts", "payflow-testkit"];

/// What a build script uses to compile or find C.
const C_BUILDERS: &[&str] = &["bindgen", "cc", "cmake", "pkg-config", "vcpkg"];

/// Kafka and TLS, which would make the demo slow to build and hard to install.
const NOT_IN_THE_DEMO: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "native-tls",
    "openssl",
    "openssl-sys",
    "rdkafka",
    "rdkafka-sys",
    "ring",
    "rustls",
    "tokio-rustls",
];

/// Features that change what others get from the same crate. Cargo gives every crate of a build the union of
/// all features asked for.
const FEATURES_FORBIDDEN: &[(&str, &str)] = &[
    ("prost", "no-recursion-limit"),
    ("serde_json", "arbitrary_precision"),
    ("serde_json", "preserve_order"),
    ("tokio", "test-util"),
];

#[test]
fn core_knows_no_kafka_http_sql_tls_or_protobuf() {
    assert_none(
        named(&core("normal,build"), ADAPTERS_ONLY),
        "payflow-core depends on what only an adapter may know",
    );
}

#[test]
fn core_is_built_from_few_crates() {
    let crates = core("normal");

    let names: Vec<&str> = crates.iter().map(|found| found.name.as_str()).collect();
    let count = crates.len();
    assert!(
        count <= CORE_CRATES_MAX,
        "payflow-core is built from {count} crates, more than {CORE_CRATES_MAX}: {names:?}"
    );
}

#[test]
fn core_has_no_c_in_it() {
    let crates = core("normal,build");

    let mut breaches = named(&crates, C_BUILDERS);
    breaches.extend(crates.iter().map(|found| found.name.clone()).filter(|name| name.ends_with("-sys")));
    for package in packages() {
        let links = package["links"].as_str();
        let used = crates
            .iter()
            .any(|found| found.name == text(&package, "name") && found.version == text(&package, "version"));
        if let (true, Some(library)) = (used, links) {
            breaches.push(format!("{} links the native library {library}", text(&package, "name")));
        }
    }
    assert_none(breaches, "payflow-core is built without C");
}

#[test]
fn adapter_depends_on_no_other_adapter() {
    let members = members();
    let adapters: Vec<&Value> = members.iter().filter(|package| is_adapter(text(package, "name"))).collect();
    assert!(!adapters.is_empty(), "the workspace has an adapter");

    let mut breaches = Vec::new();
    for adapter in adapters {
        let others = shipped(adapter).into_iter().filter(|name| is_adapter(name));
        breaches.extend(others.map(|other| format!("{} depends on {other}", text(adapter, "name"))));
    }
    assert_none(
        breaches,
        "an adapter depends on no other adapter: where two meet, the port is in payflow-core",
    );
}

#[test]
fn foundation_depends_on_no_adapter() {
    let allowed: &[(&str, &[&str])] = &[
        ("payflow-core", &[]),
        ("payflow-parts", &[]),
        ("payflow-proto", &["payflow-core"]),
        ("payflow-testkit", &["payflow-core"]),
    ];

    let mut breaches = Vec::new();
    for package in members() {
        let name = text(&package, "name");
        let Some((_, allowed)) = allowed.iter().find(|(foundation, _)| *foundation == name) else {
            continue;
        };
        let ours = shipped(&package).into_iter().filter(|other| other.starts_with("payflow-"));
        breaches.extend(
            ours.filter(|other| !allowed.contains(other)).map(|other| format!("{name} depends on {other}")),
        );
    }
    assert_none(breaches, "the arrows point towards payflow-core");
}

#[test]
fn what_is_for_tests_is_named_by_path_alone() {
    let mut breaches = Vec::new();
    for package in members() {
        let published = package["publish"].is_null();
        for dependency in
            dependencies(&package).filter(|dependency| FOR_TESTS.contains(&text(dependency, "name")))
        {
            let (name, other) = (text(&package, "name"), text(dependency, "name"));
            if published && dependency["kind"] != "dev" {
                breaches.push(format!("{name} depends on {other}, and not for its tests only"));
            }
            // With a version, payflow-core could not be published before the testkit that depends on it.
            if dependency["req"] != "*" {
                breaches.push(format!("{name} names a version of {other}"));
            }
        }
    }
    assert_none(breaches, &format!("a dev-dependency by path: {FOR_TESTS:?}"));
}

#[test]
fn demo_needs_neither_kafka_nor_tls() {
    assert_none(
        named(&tree("demo", "normal,build", &[]), NOT_IN_THE_DEMO),
        "the demo depends on neither Kafka nor TLS",
    );
}

#[test]
fn no_feature_changes_what_others_get() {
    let mut breaches = Vec::new();
    for package in members() {
        // Its users are tests, which may stop the clock.
        if ["payflow-testkit", "payflow-bench"].contains(&text(&package, "name")) {
            continue;
        }
        for found in tree(text(&package, "name"), "normal", &["--all-features"]) {
            for (name, feature) in FEATURES_FORBIDDEN {
                if found.name == *name && found.features.iter().any(|has| has == feature) {
                    breaches.push(format!("{} turns on {name}/{feature}", text(&package, "name")));
                }
            }
        }
    }
    assert_none(breaches, "these features change the behaviour of crates that never asked for them");
}

fn core(edges: &str) -> BTreeSet<Crate> {
    tree("payflow-core", edges, &["--all-features"])
}

fn named(crates: &BTreeSet<Crate>, names: &[&str]) -> Vec<String> {
    let names_found = crates.iter().map(|found| found.name.as_str());
    names_found.filter(|name| names.contains(name)).map(str::to_owned).collect()
}

/// The ports' implementations and front doors: every `payflow-*` crate that is not named here.
fn is_adapter(name: &str) -> bool {
    let others = [
        "payflow-bench",
        "payflow-cli",
        "payflow-core",
        "payflow-parts",
        "payflow-program",
        "payflow-proof",
        "payflow-proto",
        "payflow-testkit",
    ];
    name.starts_with("payflow-") && !others.contains(&name)
}

/// The names of what a package depends on outside its tests.
fn shipped(package: &Value) -> Vec<&str> {
    let shipped = dependencies(package).filter(|dependency| dependency["kind"] != "dev");
    shipped.map(|dependency| text(dependency, "name")).collect()
}

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten()
}
