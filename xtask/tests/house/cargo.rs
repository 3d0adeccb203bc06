//! What cargo knows of the workspace.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::files::root;

/// One crate of a dependency tree, with the features it is built with there.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) features: Vec<String>,
}

/// The crates that `package` is built from on this machine, itself included. `edges` is cargo's: `normal`,
/// `normal,build`.
pub(crate) fn tree(package: &str, edges: &str, flags: &[&str]) -> BTreeSet<Crate> {
    // Not offline: what only a feature brings has been fetched by no build.
    let args = ["tree", "--locked", "--prefix=none", "--format={p}|{f}", "--edges", edges];
    let text = cargo(&[args.as_slice(), &["--package", package], flags].concat());
    let crates: BTreeSet<Crate> = text.lines().map(parse).collect();
    assert!(crates.iter().any(|found| found.name == package), "the tree of {package} is not one:\n{text}");
    crates
}

/// Every package of the workspace.
pub(crate) fn members() -> Vec<Value> {
    metadata(&["--no-deps"])
}

/// Every package that the workspace is built from on this machine.
pub(crate) fn packages() -> Vec<Value> {
    metadata(&["--filter-platform", &host()])
}

/// A text member of a package that cargo always gives.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("cargo metadata gives {member}"))
}

/// `name vVERSION (proc-macro) (PATH)|feature,feature`
fn parse(line: &str) -> Crate {
    let (package, features) = line.split_once('|').expect("the format has a bar");
    let mut words = package.split_whitespace();
    let mut word = || words.next().expect("the format has a name and a version").to_owned();
    let (name, version) = (word(), word().trim_start_matches('v').to_owned());
    // A crate that was listed before is marked with a star, which is no feature.
    let features = features.trim_end_matches("(*)").trim();
    let features = features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned).collect();
    Crate { name, version, features }
}

fn metadata(flags: &[&str]) -> Vec<Value> {
    let args = ["metadata", "--format-version=1", "--locked", "--offline"];
    let text = cargo(&[args.as_slice(), flags].concat());
    let mut metadata: Value = serde_json::from_str(&text).expect("cargo metadata prints JSON");
    let Value::Array(packages) = metadata["packages"].take() else { panic!("cargo metadata lists packages") };
    packages
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(args).current_dir(root()).output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?} failed: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
