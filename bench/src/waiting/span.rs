//! The stretch of a run that is measured: neither its start, nor its end, at which the last handlers run alone.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Counts messages, and takes the time from one number to another.
#[derive(Debug)]
pub(super) struct Span {
    from: u64,
    to: u64,
    handled: AtomicU64,
    begun: OnceLock<Instant>,
    took: OnceLock<Duration>,
    over: Notify,
}

impl Span {
    /// From the `from`th message, which is at least the first, to the `to`th.
    pub(super) fn new(from: u64, to: u64) -> Self {
        Self {
            from,
            to,
            handled: AtomicU64::new(0),
            begun: OnceLock::new(),
            took: OnceLock::new(),
            over: Notify::new(),
        }
    }

    /// One more is handled.
    pub(super) fn count(&self) {
        let handled = self.handled.fetch_add(1, Ordering::Relaxed) + 1;
        if handled == self.from {
            self.begun.get_or_init(Instant::now);
        } else if handled == self.to {
            // Another thread may have begun a moment ago, and not have written it down yet.
            let begun = *self.begun.get_or_init(Instant::now);
            self.took.get_or_init(|| begun.elapsed());
            self.over.notify_one();
        }
    }

    /// Resolves when the last is handled.
    pub(super) async fn over(&self) {
        while self.took.get().is_none() {
            self.over.notified().await;
        }
    }

    /// Messages a second, if the last is handled.
    pub(super) fn rate(&self) -> Option<f64> {
        self.took.get().map(|took| (self.to - self.from) as f64 / took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_over_with_its_last_message_and_not_before() {
        let span = Span::new(2, 5);
        for handled in 1..5 {
            span.count();
            assert_eq!(span.rate(), None, "{handled} are handled");
        }
        span.count();
        span.over().await;
        let rate = span.rate().unwrap();
        assert!(rate > 0.0);

        span.count();
        assert_eq!(span.rate(), Some(rate), "what comes later does not count");
    }

    #[tokio::test]
    async fn who_waits_is_told() {
        let span = Span::new(1, 2);
        let count = async {
            tokio::task::yield_now().await;
            span.count();
            span.count();
        };
        tokio::join!(span.over(), count);
        assert!(span.rate().is_some());
    }
}
