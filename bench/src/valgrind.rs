//! Counts what this program does, by running it under valgrind.

use std::env;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// What is counted from start to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// Instructions, by callgrind.
    Instructions,
    /// Allocations on the heap, reallocations among them, by DHAT.
    Allocations,
    /// Bytes on the heap that are there at the end, by DHAT.
    BytesKept,
    /// The most bytes on the heap that were there at once, by DHAT.
    MostBytes,
}

/// Runs this program with `args` under valgrind, and counts.
///
/// # Errors
/// Valgrind is not installed, the program failed under it, or what it printed cannot be read.
pub(crate) fn count(what: Count, args: &[String]) -> anyhow::Result<u64> {
    let program = env::current_exe().context("this program's own file cannot be found")?;
    let options: &[&str] = match what {
        Count::Instructions => &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
        Count::Allocations | Count::BytesKept | Count::MostBytes => {
            &["--tool=dhat", "--dhat-out-file=/dev/null"]
        }
    };
    let output = Command::new("valgrind").args(options).arg(program).args(args).stdin(Stdio::null()).output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("valgrind is not installed: apt-get install valgrind")
        }
        output => output.context("valgrind cannot be started")?,
    };
    let printed = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} failed under valgrind ({}):\n{printed}",
        args.join(" "),
        output.status
    );
    let counted = match what {
        Count::Instructions => instructions(&printed),
        Count::Allocations => allocations(&printed),
        Count::BytesKept => bytes_at("At t-end:", &printed),
        Count::MostBytes => bytes_at("At t-gmax:", &printed),
    };
    counted.with_context(|| format!("valgrind printed no total:\n{printed}"))
}

/// `==1234== Collected : 567890`
fn instructions(printed: &str) -> Option<u64> {
    let total = messages(printed).find_map(|line| line.strip_prefix("Collected :"))?;
    total.split_whitespace().next().and_then(number)
}

/// `==1234== Total:     1,234,567 bytes in 890 blocks`
fn allocations(printed: &str) -> Option<u64> {
    let total = messages(printed).find_map(|line| line.strip_prefix("Total:"))?;
    let (_, blocks) = total.split_once(" bytes in ")?;
    number(blocks.strip_suffix(" blocks")?)
}

/// `==1234== At t-end:    1,234 bytes in 5 blocks`
fn bytes_at(when: &str, printed: &str) -> Option<u64> {
    let then = messages(printed).find_map(|line| line.strip_prefix(when))?;
    let (bytes, _) = then.split_once(" bytes in ")?;
    number(bytes.trim())
}

/// Valgrind's own lines, without the process number in front.
fn messages(printed: &str) -> impl Iterator<Item = &str> {
    printed
        .lines()
        .filter_map(|line| line.strip_prefix("==")?.split_once("== ").map(|(_, message)| message.trim()))
}

fn number(text: &str) -> Option<u64> {
    text.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLGRIND: &str = "\
==17== Callgrind, a call-graph generating cache profiler
==17== Events    : Ir
==17== Collected : 184467440
==17==
==17== I   refs:      184,467,440
";

    const DHAT: &str = "\
==17== DHAT, a dynamic heap analysis tool
==17==
==17== Total:     1,234,567 bytes in 8,901 blocks
==17== At t-gmax: 262,144 bytes in 12 blocks
==17== At t-end:  131,072 bytes in 3 blocks
==17== Reads:     1,000 bytes
";

    #[test]
    fn totals_are_read() {
        assert_eq!(instructions(CALLGRIND), Some(184_467_440));
        assert_eq!(allocations(DHAT), Some(8_901));
        assert_eq!(bytes_at("At t-end:", DHAT), Some(131_072));
        assert_eq!(bytes_at("At t-gmax:", DHAT), Some(262_144));
    }

    #[test]
    fn what_is_no_total_is_none() {
        assert_eq!(instructions(DHAT), None);
        assert_eq!(allocations(CALLGRIND), None);
        assert_eq!(bytes_at("At t-end:", CALLGRIND), None);
        assert_eq!(bytes_at("At t-end:", "==17== At t-end: none"), None);
        assert_eq!(instructions("Collected : 5"), None, "the measured program's own line");
        assert_eq!(instructions("==17== Collected : many"), None);
        assert_eq!(allocations("==17== Total: 12 bytes"), None);
    }
}
