//! The files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// A file's path as seen from the workspace's folder.
pub(crate) fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// What a file holds.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

/// The crates that others use: the folders `payflow-*` and `proto`.
pub(crate) fn libraries() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = entries(root()).into_iter().filter(|path| is_library(path)).collect();
    found.sort();
    assert!(found.iter().any(|path| path.ends_with("payflow-core")), "payflow-core is among the crates");
    found
}

/// Every Rust file of the workspace.
pub(crate) fn all_rust_files() -> Vec<PathBuf> {
    let others = ["bench", "examples", "interop", "parts", "payflow-cli", "proof", "simulation", "xtask"]
        .map(|folder| root().join(folder));
    libraries().into_iter().chain(others).flat_map(|folder| rust_files(&folder)).collect()
}

/// Every Rust file below a folder, which need not exist.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in entries(folder) {
        if path.is_dir() && !path.ends_with("target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether a program wrote the file.
pub(crate) fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.starts_with("//") && line.contains("@generated"))
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    (name.starts_with("payflow-") || name == "proto") && path.join("src/lib.rs").exists()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.expect("a folder can be listed").path()).collect()
}
