//! What is written to standard output, and told beside it.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Whoever reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Listens,
    /// It stopped reading, such as `head`: it has read enough.
    Gone,
}

/// Writes a text to standard output at once. That its reader is gone is no error.
pub(crate) fn write(text: &str) -> Result<Reader> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error).context("standard output cannot be written to"),
    }
}

/// Tells a line on standard error.
pub(crate) fn tell(line: &str) {
    // `eprintln!` would end a redrive under way because nobody listens.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Left(name) | Self::Right(name) => name,
        }
    }
}

/// Rows under their columns, each as wide as its widest cell.
pub(crate) fn table<const N: usize>(columns: [Column; N], rows: &[[String; N]]) -> String {
    let names = columns.map(|column| column.name().to_owned());
    let all = || std::iter::once(&names).chain(rows);
    let mut widths = [0; N];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in all() {
        let cells = columns.iter().zip(row).zip(widths).map(|((column, cell), width)| match column {
            Column::Left(_) => format!("{cell:<width$}"),
            Column::Right(_) => format!("{cell:>width$}"),
        });
        let line: Vec<String> = cells.collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The longest beginning that is no wider than `chars`, marked where something is missing.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        // A character fewer makes room for the mark.
        Some(_) => text.chars().take(chars.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["long".to_owned(), "1000".to_owned()]];
        let shown = table([Column::Left("NAME"), Column::Right("N")], &rows);
        assert_eq!(shown, "NAME     N\na        1\nlong  1000\n");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("éééé", 4), "éééé");
        assert_eq!(cut("ééééé", 4), "ééé…");
    }
}
