//! How long the records of a run took, and how that is told and read again.

use std::fmt;
use std::time::Duration;

use super::arrivals::Arrivals;
use super::sender::{Pace, Sent, WARM_UP};
use crate::schedule::due_at;
use crate::statistics::{Percentiles, percentiles};

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delays {
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
    /// Seconds of processor time for a million records, of sender and receiver together.
    pub(crate) processor_per_million: f64,
    /// From the time at which a record was to be sent to the beginning of its handling, in microseconds. Of a steady pace
    /// alone.
    pub(crate) micros: Option<Percentiles>,
}

impl Delays {
    pub(super) fn of(arrivals: &Arrivals, sent: &Sent, processor: Duration) -> Option<Self> {
        let micros = match sent.pace {
            Pace::Steady { rate } => Some(percentiles(delays(arrivals.times(), rate))?),
            Pace::Window { .. } => None,
        };
        Some(Self {
            messages: sent.arrived,
            seconds: sent.in_time.as_secs_f64(),
            processor_per_million: processor.as_secs_f64() * 1e6 / sent.records.max(1) as f64,
            micros,
        })
    }

    /// Records a second.
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
        let percentiles = || {
            Some(Percentiles {
                p50: number("delay_p50_us")?,
                p99: number("delay_p99_us")?,
                p999: number("delay_p999_us")?,
            })
        };
        Some(Self {
            messages: last.split(' ').next()?.parse().ok()?,
            seconds: number("seconds")?,
            processor_per_million: number("cpu_seconds_per_million")?,
            micros: percentiles(),
        })
    }
}

/// What was to be sent in the first second does not count.
fn delays(times: impl Iterator<Item = (u64, Duration)>, rate: u64) -> impl Iterator<Item = f64> {
    times.filter_map(move |(number, time)| {
        let due = due_at(number, rate);
        (due >= WARM_UP).then(|| time.saturating_sub(due).as_secs_f64() * 1e6)
    })
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, seconds, processor_per_million, micros } = self;
        write!(f, "cpu_seconds_per_million={processor_per_million:.4}")?;
        if let Some(Percentiles { p50, p99, p999 }) = micros {
            write!(f, " delay_p50_us={p50:.1} delay_p99_us={p99:.1} delay_p999_us={p999:.1}")?;
        }
        write!(f, "\nmessages={messages} seconds={seconds:.6}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAYS: Delays = Delays {
        messages: 30_000,
        seconds: 3.0,
        processor_per_million: 4.5,
        micros: Some(Percentiles { p50: 800.5, p99: 2_000.0, p999: 9_000.0 }),
    };

    #[test]
    fn what_is_printed_is_read_again() {
        for delays in [DELAYS, Delays { micros: None, ..DELAYS }] {
            let printed = delays.to_string();
            assert_eq!(printed.lines().last(), Some("messages=30000 seconds=3.000000"));
            assert_eq!(Delays::read(&printed), Some(delays));
        }
        assert_eq!(DELAYS.rate(), 10_000.0);
    }

    #[test]
    fn what_is_cut_off_is_none() {
        for printed in ["", "messages=1 seconds=2", "cpu_seconds_per_million=1\nmessages=-1 seconds=1"] {
            assert_eq!(Delays::read(printed), None, "{printed}");
        }
    }

    #[test]
    fn a_delay_counts_from_when_the_record_was_due_and_not_in_the_first_second() {
        let at = |number, millis| (number, Duration::from_millis(millis));
        // One each 100 ms: the 10th is due after a second, the 11th after 1.1.
        let times = [at(9, 5_000), at(10, 1_007), at(11, 1_350)];
        assert_eq!(delays(times.into_iter(), 10).collect::<Vec<_>>(), [7_000.0, 250_000.0]);
    }
}
