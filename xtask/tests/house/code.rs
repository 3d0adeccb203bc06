//! What of a file is code that ships.

use std::iter::from_fn;

/// The lines that are code, numbered from one: without comments, and without what stands under `#[cfg(test)]`.
pub(crate) fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut lines = (1..).zip(text.lines());
    from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            if line.trim() == "#[cfg(test)]" {
                pass_item(&mut lines);
            } else if !is_comment(line) {
                return Some((number, line));
            }
        }
    })
}

/// Goes past the item, field or statement that an attribute stands at.
///
/// Its end is told by its indentation, which rustfmt sees to: a bracket in a text would mislead a count of brackets.
fn pass_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let above = |line: &&str| is_comment(line) || line.trim_start().starts_with("#[");
    let mut lines = lines.map(|(_, line)| line).skip_while(above);
    let Some(first) = lines.next() else { return };
    if is_inline_module(first) {
        // Clippy lets nothing stand behind a test module, and a text in it may look like its end.
        return lines.for_each(drop);
    }
    let ends = |line: &str| {
        indentation(line) == indentation(first) && without_remark(line).ends_with([';', ',', '}'])
    };
    if !ends(first) {
        lines.find(|line| ends(line));
    }
}

fn is_inline_module(line: &str) -> bool {
    // Behind what it is seen by, if anything.
    line.split_whitespace().take(2).any(|word| word == "mod") && !without_remark(line).ends_with(';')
}

fn without_remark(line: &str) -> &str {
    line.split(" //").next().unwrap_or(line).trim_end()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        code(text).map(|(number, _)| number).collect()
    }

    #[test]
    fn comments_and_test_modules_are_not_code() {
        let text = "//! a\nfn f() {}\n    // b\n#[cfg(test)]\nmod tests {\n}\nfn g() {}\n";

        assert_eq!(code(text).collect::<Vec<_>>(), [(2, "fn f() {}")]);
        assert_eq!(lines("a\n#[cfg(test)]\n#[cfg(feature = \"b\")]\npub(crate) mod tests {\nc\n}\n"), [1]);
        assert_eq!(lines("#[cfg(test)]\nmod tests {}\n"), [0; 0]);
    }

    #[test]
    fn code_behind_one_item_for_tests_is_read() {
        let text = "#[cfg(test)]\nmod tests;\nfn f() { Instant::now() }\n";

        assert_eq!(code(text).collect::<Vec<_>>(), [(3, "fn f() { Instant::now() }")]);
    }

    #[test]
    fn item_for_tests_is_left_out_to_its_end() {
        for (item, after) in [
            ("#[cfg(test)]\nuse a::b;", 3),
            ("#[cfg(test)]\nuse a::b; // for one test", 3),
            ("#[cfg(test)]\nuse a::{\n    b,\n    c,\n};", 6),
            ("#[cfg(test)]\n/// Says.\n#[must_use]\nfn f() -> u8 {\n    1\n}", 7),
            ("#[cfg(test)]\nfn f(\n    a: u8,\n) -> u8\nwhere\n    A: B,\n{\n    1\n}", 10),
            ("#[cfg(test)]\nimpl A {\n    fn f() {\n        '{'\n    }\n}", 7),
            ("#[cfg(test)]\nfield: Cell<u64>,", 3),
            ("#[cfg(test)]\nfield: A {\n    b,\n},", 5),
            ("#[cfg(test)]\nself.touch();", 3),
            ("#[cfg(test)]\npub(crate) mod a;", 3),
            ("#[cfg(test)]\nconst MODS: &[&str] = &[\n    \"mod a {\",\n];", 5),
        ] {
            assert_eq!(lines(&format!("{item}\nshipped\n")), [after], "{item}");
        }
    }

    #[test]
    fn other_conditions_and_what_stands_deeper_are_told_apart() {
        assert_eq!(lines("#[cfg(any(test, a))]\nfn f() {}\n"), [1, 2]);
        assert_eq!(
            lines("impl A {\n    #[cfg(test)]\n    fn f() {\n    }\n\n    fn g() {}\n}\n"),
            [1, 5, 6, 7]
        );
    }
}
