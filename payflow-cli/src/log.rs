//! What the libraries warn of, on standard error.

use std::io::{self, Write};

use tracing_subscriber::filter::LevelFilter;

use crate::progress;

/// Writes warnings and errors from now on.
pub(crate) fn start() {
    let lines = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_ansi(false)
        .with_writer(|| Lines)
        // It would be told on standard error, which is what failed, and end the program.
        .log_internal_errors(false);
    // Nobody else has started a log.
    let _ = lines.try_init();
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        progress::beside_bar(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
