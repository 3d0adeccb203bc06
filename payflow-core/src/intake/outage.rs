//! Which of many alike failures deserve a line in the log.

use std::time::{Duration, Instant};

/// Watches one class of failures: says when an outage begins, now and then that it lasts, and when it is over.
///
/// Whatever the rate of requests and however they alternate, it says at most two things in
/// [`QUIET`](Self::QUIET). Pure: it is told the time.
#[derive(Debug, Default)]
pub(super) struct OutageLog {
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    began: Instant,
    failed_last: Instant,
    said_last: Instant,
    failures: u64,
}

/// What is worth a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The first failure.
    Began,
    /// It still fails.
    Lasts(Extent),
    /// It went well for long enough since.
    Over(Extent),
}

/// How much of an outage there was: its failures, and the time from the first one to the last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) failures: u64,
    pub(super) lasted: Duration,
}

impl OutageLog {
    /// How long nothing may fail before a success ends an outage: else every second failure would begin a new one.
    pub(super) const QUIET: Duration = Duration::from_secs(10);
    /// How often an outage that lasts is told again.
    pub(super) const REMINDER: Duration = Duration::from_secs(60);

    pub(super) fn failed(&mut self, now: Instant) -> Option<Line> {
        let Some(outage) = &mut self.outage else {
            self.outage = Some(Outage { began: now, failed_last: now, said_last: now, failures: 1 });
            return Some(Line::Began);
        };
        outage.failures += 1;
        outage.failed_last = now;
        if now.saturating_duration_since(outage.said_last) < Self::REMINDER {
            return None;
        }
        outage.said_last = now;
        Some(Line::Lasts(outage.extent()))
    }

    pub(super) fn succeeded(&mut self, now: Instant) -> Option<Line> {
        let quiet = now.saturating_duration_since(self.outage.as_ref()?.failed_last);
        if quiet < Self::QUIET {
            return None;
        }
        self.outage.take().map(|outage| Line::Over(outage.extent()))
    }
}

impl Outage {
    fn extent(&self) -> Extent {
        Extent { failures: self.failures, lasted: self.failed_last.saturating_duration_since(self.began) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_storm_of_failures_is_one_line_and_a_reminder_each_minute() {
        let (mut log, start) = (OutageLog::default(), Instant::now());
        assert_eq!(log.failed(start), Some(Line::Began));
        let mut lines = Vec::new();
        for millis in 1..=125_000 {
            lines.extend(log.failed(start + Duration::from_millis(millis)));
        }
        let extent =
            |failures, seconds| Line::Lasts(Extent { failures, lasted: Duration::from_secs(seconds) });
        assert_eq!(lines, [extent(60_001, 60), extent(120_001, 120)]);
    }

    #[test]
    fn an_outage_is_over_with_the_first_success_after_a_quiet_time() {
        let (mut log, start) = (OutageLog::default(), Instant::now());
        assert_eq!(log.succeeded(start), None);
        log.failed(start);
        log.failed(start + SECOND);
        assert_eq!(log.succeeded(start + 2 * SECOND), None);
        let over = Line::Over(Extent { failures: 2, lasted: SECOND });
        assert_eq!(log.succeeded(start + SECOND + OutageLog::QUIET), Some(over));
        assert_eq!(log.succeeded(start + 60 * SECOND), None);
        assert_eq!(log.failed(start + 61 * SECOND), Some(Line::Began));
    }

    #[test]
    fn every_second_request_failing_is_one_outage() {
        let (mut log, start) = (OutageLog::default(), Instant::now());
        let mut lines = 0;
        for millis in (0..30_000).step_by(2) {
            lines += usize::from(log.failed(start + Duration::from_millis(millis)).is_some());
            lines += usize::from(log.succeeded(start + Duration::from_millis(millis + 1)).is_some());
        }
        assert_eq!(lines, 1);
    }
}
