//! The progress bar.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::interval;

use super::table::grouped;
use crate::settings::Load;

/// A line and a bar on standard error, the bar only where that is a terminal. With `--json` neither shows.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Says what begins, and shows an empty bar.
    pub(super) fn new(load: Load, front_door: SocketAddr) -> Self {
        let target = if load.json {
            ProgressDrawTarget::hidden()
        } else {
            let (payments, users) = (grouped(load.payments), grouped(load.users));
            eprintln!("Sending {payments} payments by {users} users to http://{front_door}/pay");
            ProgressDrawTarget::stderr()
        };
        // A template that cannot be read is no reason not to run.
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(load.payments.into()), target).with_style(style);
        Self { bar }
    }

    /// Shows how far it is, until dropped.
    pub(super) async fn follow(&self, count: impl Fn() -> usize) -> Infallible {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            self.bar.set_position(u64::try_from(count()).unwrap_or(u64::MAX));
        }
    }

    /// Makes room for the table.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

const TEMPLATE: &str = "notified {human_pos} of {human_len} [{bar:30}] {eta} left";
