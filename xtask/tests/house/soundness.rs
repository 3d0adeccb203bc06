//! Unsafe code stands in one module, and each piece of it says why it is sound.

use crate::assert_none;
use crate::files::{all_rust_files, libraries, read, root, rust_files, short};

/// The one library that may have unsafe code, since it calls a library in C.
const NATIVE_LIBRARY: &str = "payflow-kafka";

/// Its one file that lifts the lint, for itself and for the files of a folder of that name; and the benchmark's one,
/// whose floor is librdkafka itself.
const NATIVE_MODULES: [&str; 2] = ["payflow-kafka/src/native.rs", "bench/src/kafka/queue_floor.rs"];

#[test]
fn library_forbids_unsafe_code() {
    let mut breaches = Vec::new();
    for library in libraries() {
        // What is forbidden cannot be lifted further in, what is denied can.
        let level = if library.ends_with(NATIVE_LIBRARY) { "deny" } else { "forbid" };
        let line = format!("#![{level}(unsafe_code)]");
        let path = library.join("src/lib.rs");
        if !read(&path).lines().any(|other| other == line) {
            breaches.push(format!("{}: {line} is missing", short(&path)));
        }
    }
    assert_none(breaches, "every library refuses unsafe code in its lib.rs");
}

#[test]
fn two_modules_alone_lift_the_lint() {
    let mut files = all_rust_files();
    files.retain(|path| !path.ends_with(file!()));
    let lifting = files.iter().filter(|path| lifts_the_lint(&read(path))).map(|path| short(path));

    let breaches = lifting.filter(|path| !NATIVE_MODULES.contains(&path.as_str()));
    assert_none(
        breaches.collect(),
        &format!("unsafe code is allowed in {NATIVE_MODULES:?} alone, and below them"),
    );
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    let mut breaches = Vec::new();
    for path in ["payflow-kafka", "bench"].iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let lines = undocumented(&read(&path));
        breaches.extend(lines.iter().map(|line| format!("{}:{line}", short(&path))));
    }
    assert_none(breaches, "a comment right above unsafe code begins with SAFETY: and says why it is sound");
}

/// Whether the text says more of the lint than that it is denied.
fn lifts_the_lint(text: &str) -> bool {
    let refused = ["#![forbid(unsafe_code)]", "#![deny(unsafe_code)]"];
    let mut code = text.lines().map(str::trim).filter(|line| !is_comment(line));
    code.any(|line| line.contains("unsafe_code") && !refused.contains(&line))
}

/// The lines, numbered from one, whose unsafe code has no comment above it that says why it is sound.
fn undocumented(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let found = (0..lines.len()).filter(|index| {
        piece(lines[*index]).is_some_and(|piece| {
            let comment = comment_above(&lines[..*index]);
            // Who calls an unsafe function is told in its docs what has to be seen to.
            let documented = piece == Piece::Function && comment.contains(&"/// # Safety");
            !documented && !comment.iter().any(|line| line.starts_with("// SAFETY: "))
        })
    });
    found.map(|index| index + 1).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Block,
    Function,
}

/// What unsafe code begins in a line. A pointer's type (`unsafe extern "C" fn(…)` behind other words) is none.
fn piece(line: &str) -> Option<Piece> {
    if is_comment(line) {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let pieces = line.match_indices("unsafe").filter_map(|(index, word)| {
        let (before, after) = (&line[..index], &line[index + word.len()..]);
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        let next = after.trim_start();
        let declares = ["", "pub", "pub(crate)", "pub(super)", "const", "pub const", "pub(crate) const"];
        if !whole {
            None
        } else if next.is_empty() || next.starts_with('{') || next.starts_with("impl") {
            Some(Piece::Block)
        } else if declares.contains(&before.trim()) {
            Some(Piece::Function)
        } else {
            None
        }
    });
    pieces.min_by_key(|piece| *piece != Piece::Block)
}

/// The comment above the statement that goes on after `lines`.
fn comment_above<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let same_statement = |line: &&&str| {
        let ends = line.is_empty() || line.ends_with([';', ',', '{', '}', '(']);
        line.starts_with("#[") || !(ends || is_comment(line) || piece(line).is_some())
    };
    let above = lines.iter().rev().skip_while(same_statement);
    above.take_while(|line| is_comment(line)).copied().collect()
}

fn is_comment(line: &str) -> bool {
    line.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_that_lifts_the_lint_is_found_however_it_is_written() {
        for text in [
            "#![allow(unsafe_code)]",
            "    #[allow(unsafe_code)]\nmod inner;",
            "#[expect(unsafe_code, reason = \"x\")]",
            "#[allow(\n    dead_code,\n    unsafe_code,\n)]",
            "#[cfg_attr(test, allow(unsafe_code))]",
            "#![deny(unsafe_code)]\n#[warn(unsafe_code)]",
        ] {
            assert!(lifts_the_lint(text), "{text}");
        }
        for text in
            ["#![forbid(unsafe_code)]", "#![deny(unsafe_code)]", "// #[allow(unsafe_code)]", "fn f() {}"]
        {
            assert!(!lifts_the_lint(text), "{text}");
        }
    }

    #[test]
    fn unsafe_code_without_its_reason_is_found() {
        for (text, expected) in [
            ("unsafe { f() }", vec![1]),
            ("// SAFETY: x\n\nunsafe { f() }", vec![3]),
            ("// Why not.\nunsafe { f() }", vec![2]),
            ("// SAFETY: x\nlet a = 1;\nlet b = unsafe { f() };", vec![3]),
            ("// SAFETY: x\nlet a = unsafe { f() };\nlet b = unsafe { f() };", vec![3]),
            ("// SAFETY: x\nA => unsafe { f() },\nB => unsafe { f() },", vec![3]),
            ("if a {\n    unsafe {\n        f()\n    }\n}", vec![2]),
            ("unsafe impl Send for A {}", vec![1]),
            ("unsafe fn f() {}", vec![1]),
            ("/// Docs.\npub(crate) unsafe extern \"C\" fn f() {}", vec![2]),
            ("/// # Safety\nlet a = unsafe { f() };", vec![2]),
        ] {
            assert_eq!(undocumented(text), expected, "{text}");
        }
    }

    #[test]
    fn unsafe_code_with_its_reason_right_above_is_left_alone() {
        for text in [
            "// SAFETY: x\nunsafe { f() }",
            "// SAFETY: x, and\n// y.\nlet a = unsafe { f() };",
            "// SAFETY: x\nlet a =\n    unsafe { f() };",
            "// SAFETY: x\n#[inline]\nunsafe impl Send for A {}",
            "/// Docs.\n///\n/// # Safety\n///\n/// x\npub(crate) unsafe fn f() {}",
            "// SAFETY: x\nunsafe extern \"C\" fn f() {}",
            "let a: unsafe extern \"C\" fn() = f;",
            "// unsafe { f() }",
            "let not_unsafe = 1;",
            "#![allow(unsafe_code)]",
        ] {
            assert_eq!(undocumented(text), [0; 0], "{text}");
        }
    }
}
