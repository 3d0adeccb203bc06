//! Counts that were taken note of, to be compared with.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::figure::Figure;

/// What a figure may lie off, of what is recorded.
const TOLERANCE: f64 = 0.02;
/// What it may lie off in any case: a count that is next to nothing has no two per cent.
const TOLERANCE_LEAST: f64 = 0.005;

const RECORD: &str = "cargo run --release -p payflow-bench -- core --no-growth --record";

/// Figures by name, as a file in this crate's folder has them.
#[derive(Debug, PartialEq)]
pub(crate) struct Recorded(BTreeMap<String, f64>);

impl Recorded {
    /// Where they lie.
    pub(crate) fn path() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/recorded/core.tsv"))
    }

    pub(crate) fn of(figures: &[Figure]) -> Self {
        Self(figures.iter().map(|figure| (figure.name.clone(), figure.value)).collect())
    }

    /// # Errors
    /// The file is not there, or a line of it is no figure.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read; to write it: {RECORD}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} cannot be understood", path.display()))
    }

    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = format!("# What a message takes, by name. Written by `{RECORD}`.\n");
        for (name, value) in &self.0 {
            // A string takes everything.
            let _ = writeln!(text, "{name}\t{value:.3}");
        }
        let folder = path.parent().context("the file has no folder")?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(path, text))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Compares, and tells of each figure that is not as it was.
    ///
    /// # Errors
    /// One is more than two per cent off, for better or for worse, or is recorded and was not measured, or the reverse.
    pub(crate) fn compare(&self, measured: &Self) -> anyhow::Result<()> {
        let mut off = String::new();
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(measured.0.keys()).collect();
        for name in names {
            let line = match (self.0.get(name), measured.0.get(name)) {
                (Some(then), Some(now)) if is_near(*then, *now) => continue,
                (Some(then), Some(now)) => {
                    format!("{name}: {now:.3}, recorded {then:.3} ({:+.1} %)", (now / then - 1.0) * 100.0)
                }
                (Some(then), None) => format!("{name}: not measured, recorded {then:.3}"),
                (None, now) => format!("{name}: {:.3}, not recorded", now.copied().unwrap_or_default()),
            };
            off.push_str("\n  ");
            off.push_str(&line);
        }
        if !off.is_empty() {
            bail!(
                "what a message takes has changed by more than {} %:{off}\nif that is meant, record it anew, and say why in \
                 the commit: {RECORD}",
                TOLERANCE * 100.0
            );
        }
        Ok(())
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let figures = lines.map(|line| {
            let (name, value) = line.split_once('\t').with_context(|| format!("no tab in `{line}`"))?;
            let value = value.parse().with_context(|| format!("no number in `{line}`"))?;
            anyhow::Ok((name.to_owned(), value))
        });
        figures.collect::<Result<_, _>>().map(Self)
    }
}

fn is_near(then: f64, now: f64) -> bool {
    (now - then).abs() <= (then.abs() * TOLERANCE).max(TOLERANCE_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(figures: &[(&str, f64)]) -> Recorded {
        Recorded(figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
    }

    #[test]
    fn two_per_cent_are_the_same_and_three_are_not() {
        let then = recorded(&[("instructions", 1_000.0), ("allocations", 0.004)]);
        let now = |instructions, allocations| {
            recorded(&[("instructions", instructions), ("allocations", allocations)])
        };
        for same in [now(1_000.0, 0.004), now(1_020.0, 0.0), now(980.0, 0.009)] {
            then.compare(&same).unwrap();
        }
        for (other, named) in [
            (now(1_030.0, 0.004), "instructions: 1030.000, recorded 1000.000 (+3.0 %)"),
            (now(970.0, 0.004), "(-3.0 %)"),
            (now(1_000.0, 0.25), "allocations"),
        ] {
            let told = then.compare(&other).unwrap_err().to_string();
            assert!(told.contains(named) && told.ends_with(RECORD), "{told}");
        }
    }

    #[test]
    fn what_is_missing_on_either_side_is_told() {
        let (one, none) = (recorded(&[("a", 1.0)]), recorded(&[]));
        assert!(one.compare(&none).unwrap_err().to_string().contains("a: not measured"));
        assert!(none.compare(&one).unwrap_err().to_string().contains("a: 1.000, not recorded"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = std::env::temp_dir().join(format!("payflow-bench-recorded-{}", std::process::id()));
        let path = folder.join("recorded").join("core.tsv");
        let figures = [Figure::new("b", 2.0, "", 1.0), Figure::new("a", 0.125, "", 1.0)];
        Recorded::of(&figures).write(&path).unwrap();
        assert_eq!(Recorded::read(&path).unwrap(), recorded(&[("a", 0.125), ("b", 2.0)]));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        for text in ["a 1.0", "a\tmuch"] {
            assert!(Recorded::parse(text).is_err(), "{text}");
        }
        let told = Recorded::read(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(told.contains(RECORD), "{told}");
    }

    #[test]
    fn the_record_in_this_repository_can_be_read() {
        assert!(!Recorded::read(Recorded::path()).unwrap().0.is_empty());
    }
}
