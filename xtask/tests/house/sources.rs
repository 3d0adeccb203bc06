//! What no source may hold.

use std::path::{Path, PathBuf};

use crate::assert_none;
use crate::cargo::{members, text};
use crate::code::code;
use crate::files::{all_rust_files, is_generated, libraries, read, root, rust_files, short};

/// A longer file holds more than one idea.
const FILE_LINES_MAX: usize = 500;

/// Words that stand for something the libraries never do.
const FORBIDDEN: &[(&str, &str)] = &[
    ("unbounded_channel", "every queue has a bound"),
    ("mpsc::channel()", "every queue has a bound"),
    ("arbitrary_precision", "it changes the numbers of every crate in the build"),
    ("preserve_order", "it changes the maps of every crate in the build"),
    ("rand::random", "a random source is handed in"),
    ("std::process::exit", "only a program ends itself"),
];

/// What decides is pure: it takes events and the time, and returns what to do.
const PURE: &[&str] = &[
    "pipeline/engine",
    "pipeline/lanes",
    "pipeline/retry",
    "pipeline/shard",
    "pipeline/storm",
    "offsets",
    "memory/cluster",
    "redrive/choice",
    "redrive/filter",
    "redrive/lanes",
    "redrive/letter",
    "redrive/pace",
    "redrive/partitions",
    "redrive/repeats",
];

/// Clocks, tasks, input and output, random sources.
const IMPURE: &[&str] = &[
    ".await",
    "async fn",
    "async move",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "now_v7",
    "rand::",
    "std::env",
    "std::fs",
    "std::net",
    "std::thread",
    "thread_local!",
    "tokio::",
];

/// The real parts that a test may need. `cargo xtask test` sees to each of them, and then runs every ignored test.
const IGNORED: &[&str] = &["a Kafka broker", "Go", "Java and Maven"];

/// How to run an ignored test.
const RUN: &str = ": run cargo xtask test";

#[test]
fn library_holds_no_forbidden_word() {
    let mut breaches = Vec::new();
    for path in libraries().iter().flat_map(|library| rust_files(&library.join("src"))) {
        breaches.extend(holding(&path, FORBIDDEN));
    }
    assert_none(breaches, "words that no library holds");
}

#[test]
fn what_decides_is_pure() {
    let words: Vec<(&str, &str)> =
        IMPURE.iter().map(|word| (*word, "no clock, task, I/O or random source")).collect();
    let source = root().join("payflow-core/src");

    let mut breaches = Vec::new();
    for part in PURE {
        breaches.extend(part_files(&source, part).iter().flat_map(|path| holding(path, &words)));
    }
    assert_none(breaches, "what decides takes events and the time, and returns what to do");
}

#[test]
fn ignored_test_names_what_it_needs() {
    let mut breaches = Vec::new();
    for path in all_rust_files() {
        let text = read(&path);
        let wrong = (1..).zip(text.lines()).filter(|(_, line)| {
            let attribute = line.trim_start();
            attribute.starts_with("#[ignore") && !IGNORED.iter().any(|reason| attribute == ignored(reason))
        });
        breaches.extend(wrong.map(|(number, line)| format!("{}:{number}: {}", short(&path), line.trim())));
    }
    assert_none(breaches, &format!("#[ignore = \"needs PART{RUN}\"], where PART is one of {IGNORED:?}"));
}

#[test]
fn file_holds_one_idea() {
    let mut breaches = Vec::new();
    for path in all_rust_files() {
        let text = read(&path);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX && !is_generated(&text) {
            breaches.push(format!("{} has {lines} lines", short(&path)));
        }
    }
    assert_none(breaches, &format!("a file has {FILE_LINES_MAX} lines at most"));
}

#[test]
fn every_crate_is_looked_at() {
    let files = all_rust_files();

    let mut breaches = Vec::new();
    for member in members() {
        let folder = Path::new(text(&member, "manifest_path")).with_file_name("");
        if !files.iter().any(|path| path.starts_with(&folder)) {
            breaches.push(short(&folder));
        }
    }
    assert_none(breaches, "files::all_rust_files finds the sources of every crate");
}

/// The attribute of a test that needs `part`.
fn ignored(part: &str) -> String {
    format!("#[ignore = \"needs {part}{RUN}\"]")
}

/// The code of a pure part: `part.rs` and the folder `part`, without test files.
fn part_files(source: &Path, part: &str) -> Vec<PathBuf> {
    let mut files = rust_files(&source.join(part));
    files.retain(|path| {
        !path.ends_with("tests.rs") && !path.components().any(|part| part.as_os_str() == "tests")
    });
    files.extend(Some(source.join(part).with_extension("rs")).filter(|path| path.exists()));
    assert!(!files.is_empty(), "{part} has no file: has it another name now?");
    files
}

fn holding(path: &Path, words: &[(&str, &str)]) -> Vec<String> {
    let text = read(path);
    let found = |(number, line): (usize, &str)| {
        let hits = words.iter().filter(move |(word, _)| line.contains(word));
        hits.map(move |(word, why)| format!("{}:{number} holds {word}: {why}", short(path)))
            .collect::<Vec<_>>()
    };
    code(&text).flat_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "pipeline/no-such-part has no file")]
    fn pure_part_that_is_not_there_is_told() {
        part_files(&root().join("payflow-core/src"), "pipeline/no-such-part");
    }

    #[test]
    fn word_is_found_with_its_line() {
        let here = root().join(file!());

        let found = holding(&here, &[("const IMPURE", "it is here")]);

        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("holds const IMPURE: it is here"), "{found:?}");
    }
}
