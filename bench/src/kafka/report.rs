//! What a contender tells about its run, and how that is read again.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::usage;

/// Measures a run: the clock from its first record on, the processors from the beginning.
#[derive(Debug)]
pub(crate) struct Meter {
    processor_before: Duration,
    first: Option<Instant>,
}

impl Meter {
    /// Starts to count processor time.
    pub(crate) fn start() -> Self {
        Self { processor_before: usage::processor_time(), first: None }
    }

    /// The first record is there. Said again, it changes nothing.
    pub(crate) fn begin(&mut self) {
        self.first.get_or_insert_with(Instant::now);
    }

    /// How long ago the first record was there.
    pub(crate) fn elapsed(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| first.elapsed())
    }

    /// The last of `messages` records is dealt with.
    ///
    /// # Errors
    /// This is no Linux.
    pub(crate) fn end(&self, messages: u64) -> anyhow::Result<Report> {
        let seconds = self.elapsed().as_secs_f64();
        let processor = usage::processor_time().saturating_sub(self.processor_before);
        Ok(Report {
            messages,
            seconds,
            processor_per_million: processor.as_secs_f64() * 1e6 / messages.max(1) as f64,
            peak_mib: usage::peak_resident_mib("self")?,
            round_trip_us: None,
        })
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Report {
    pub(crate) messages: u64,
    /// From the first record to the last.
    pub(crate) seconds: f64,
    /// Seconds of processor time for a million messages, the kernel's on the process's behalf included.
    pub(crate) processor_per_million: f64,
    /// The most memory that was resident at once.
    pub(crate) peak_mib: f64,
    /// The median of what was awaited one by one.
    pub(crate) round_trip_us: Option<f64>,
}

impl Report {
    /// Messages a second.
    pub(crate) fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Reads what was printed; lines that are none of it do not matter.
    pub(crate) fn read(printed: &str) -> Option<Self> {
        let number = |name: &str| {
            let mut words = printed.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<f64>().ok())
        };
        let last = printed.lines().last()?.strip_prefix("messages=")?;
        Some(Self {
            messages: last.split(' ').next()?.parse().ok()?,
            seconds: number("seconds")?,
            processor_per_million: number("cpu_seconds_per_million")?,
            peak_mib: number("peak_rss_mib")?,
            round_trip_us: number("round_trip_p50_us"),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, seconds, processor_per_million, peak_mib, round_trip_us } = self;
        write!(f, "cpu_seconds_per_million={processor_per_million:.4} peak_rss_mib={peak_mib:.1}")?;
        if let Some(round_trip) = round_trip_us {
            write!(f, " round_trip_p50_us={round_trip:.1}")?;
        }
        write!(f, "\nmessages={messages} seconds={seconds:.6}")
    }
}

/// The runtime of a service: as many threads as processors.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().context("a runtime cannot be started")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Report = Report {
        messages: 1_000_000,
        seconds: 0.5,
        processor_per_million: 0.75,
        peak_mib: 41.5,
        round_trip_us: None,
    };

    #[test]
    fn what_is_printed_ends_with_messages_and_seconds_and_is_read_again() {
        let printed = REPORT.to_string();
        assert_eq!(printed.lines().last(), Some("messages=1000000 seconds=0.500000"));
        assert_eq!(Report::read(&printed), Some(REPORT));
        assert_eq!(REPORT.rate(), 2e6);

        let awaited = Report { round_trip_us: Some(700.5), ..REPORT };
        assert_eq!(Report::read(&format!("something else\n{awaited}\n")), Some(awaited));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        for printed in
            ["", "messages=1 seconds=2", "cpu_seconds_per_million=1 peak_rss_mib=2\nmessages=x seconds=1"]
        {
            assert_eq!(Report::read(printed), None, "{printed}");
        }
    }

    #[test]
    fn a_run_without_a_record_took_no_time() {
        assert_eq!(Meter::start().end(0).unwrap().seconds, 0.0);
    }
}
