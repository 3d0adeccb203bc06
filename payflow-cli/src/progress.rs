//! The progress of a redrive: a bar where there is a terminal, lines of its troubles where there is none.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use payflow_core::RedriveHandle;
use tokio::time::interval;

use crate::output::{cut, tell};
use crate::troubles::Troubles;

/// The bar of this process: what else is written to its terminal goes around it.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// A bar on standard error, where that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    dry_run: bool,
}

impl Progress {
    /// An empty bar for so many records; none if it is `quiet`.
    pub(crate) fn new(records: u64, dry_run: bool, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        // A template that cannot be read is no reason not to run.
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(records), target).with_style(style);
        // There is one redrive in a process.
        let _ = BAR.set(bar.clone());
        Self { bar, dry_run }
    }

    /// Shows how far it is, until dropped.
    pub(crate) async fn follow(&self, handle: &RedriveHandle) -> Infallible {
        let (mut ticks, mut troubles) = (interval(Duration::from_millis(100)), Troubles::default());
        loop {
            ticks.tick().await;
            if self.bar.is_hidden() {
                if let Some(line) = troubles.line(handle.trouble(), Instant::now()) {
                    tell(&line);
                }
                continue;
            }
            let counts = handle.counts();
            // Looked at, and not waiting to be sent.
            let sent_or_failed = if self.dry_run { counts.selected } else { counts.sent + counts.failed };
            let waiting = counts.selected.saturating_sub(sent_or_failed);
            self.bar.set_position(counts.seen.saturating_sub(waiting));
            let trouble =
                handle.trouble().map(|text| format!("; trying again: {}", cut(&text, TROUBLE_CHARS)));
            self.bar.set_message(format!("{} sent{}", counts.sent, trouble.unwrap_or_default()));
        }
    }

    /// Makes room for the summary.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Writes something to standard error with the bar out of the way, if there is one.
pub(crate) fn beside_bar<T>(write: impl FnOnce() -> T) -> T {
    match BAR.get() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

const TEMPLATE: &str = "done with {human_pos} of {human_len} [{bar:30}] {msg}";
const TROUBLE_CHARS: usize = 100;
