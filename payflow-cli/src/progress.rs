//! The progress bar of a redrive.

use std::convert::Infallible;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use payflow_core::RedriveHandle;
use tokio::time::interval;

use crate::output::cut;

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
        Self { bar: ProgressBar::with_draw_target(Some(records), target).with_style(style), dry_run }
    }

    /// Shows how far it is, until dropped.
    pub(crate) async fn follow(&self, handle: &RedriveHandle) -> Infallible {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
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

const TEMPLATE: &str = "done with {human_pos} of {human_len} [{bar:30}] {msg}";
const TROUBLE_CHARS: usize = 100;
