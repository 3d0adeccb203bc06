//! Sends records when they are due, whatever became of those before.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::stream::{FuturesUnordered, Stream as _};

use super::arrivals::Arrivals;
use crate::schedule::due_by;

/// When a record is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// So many a second, in even steps.
    Steady { rate: u64 },
    /// As soon as fewer than so many are on their way.
    Window { records: u64 },
}

impl Pace {
    /// How many records of a steady pace there are in the time before it is measured and in that in which it is.
    pub(super) const fn numbers(self, seconds: u64) -> u64 {
        match self {
            Self::Steady { rate } => rate * (WARM_UP.as_secs() + seconds),
            Self::Window { .. } => 0,
        }
    }

    /// How many records are due by now.
    fn due(self, since: Duration, seconds: u64, arrived: u64) -> u64 {
        match self {
            Self::Steady { rate } => due_by(since, rate).min(self.numbers(seconds)),
            Self::Window { .. } if since >= WARM_UP + Duration::from_secs(seconds) => 0,
            Self::Window { records } => arrived + records,
        }
    }
}

/// What is sent first does not count: connections are made, and memory is taken.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) pace: Pace,
    pub(super) records: u64,
    /// How many records arrived, in how long a time, after the first second.
    pub(super) arrived: u64,
    pub(super) in_time: Duration,
}

/// Sends until the time is over, and waits until all have arrived. `send` starts a send, which is awaited here.
///
/// # Errors
/// A send failed, or not all arrive.
pub(super) fn send<F>(
    pace: Pace,
    seconds: u64,
    arrivals: &Arrivals,
    mut send: impl FnMut(u64) -> anyhow::Result<F>,
) -> anyhow::Result<Sent>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let mut sends = FuturesUnordered::new();
    probe(&mut sends, arrivals, &mut send)?;

    let begun = arrivals.begin();
    let end = WARM_UP + Duration::from_secs(seconds);
    let (mut sent, mut warm, mut measured) = (0, None, None);
    let mut patience = Patience::new();
    loop {
        let now = begun.elapsed();
        let arrived = arrivals.count();
        if now >= WARM_UP {
            warm.get_or_insert((now, arrived));
        }
        if now >= end {
            measured.get_or_insert((now, arrived));
        }
        let due = pace.due(now, seconds, arrived);
        while sent < due {
            sends.push(send(FIRST_AMOUNT + sent)?);
            sent += 1;
            // What is due together is many only where this thread was kept from running.
            if sent % MANY == 0 {
                settle(&mut sends)?;
            }
        }
        settle(&mut sends)?;
        if now >= end && arrived >= sent && sends.is_empty() {
            break;
        }
        patience.check(arrived, sent)?;
        thread::sleep(STEP);
    }
    let (from, to) = (warm.unwrap_or_default(), measured.unwrap_or_default());
    Ok(Sent { pace, records: sent, arrived: to.1 - from.1, in_time: to.0.saturating_sub(from.0) })
}

/// Waits until records come through, so that connections and the group stand before time counts.
fn probe<F>(
    sends: &mut FuturesUnordered<F>,
    arrivals: &Arrivals,
    send: &mut impl FnMut(u64) -> anyhow::Result<F>,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    for amount in 1..=PROBES {
        sends.push(send(amount)?);
    }
    let mut patience = Patience::new();
    while arrivals.probes() < PROBES || !sends.is_empty() {
        settle(sends)?;
        patience.check(arrivals.probes(), PROBES)?;
        thread::sleep(STEP);
    }
    Ok(())
}

/// Takes note of what was decided, without waiting.
fn settle<F>(sends: &mut FuturesUnordered<F>) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    // Each future that is woken is noted by the set, which is looked at again soon.
    let mut context = TaskContext::from_waker(Waker::noop());
    while let Poll::Ready(Some(decided)) = Pin::new(&mut *sends).poll_next(&mut context) {
        decided?;
    }
    Ok(())
}

/// Ends a run in which nothing arrives any more.
struct Patience {
    arrived: u64,
    since: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { arrived: 0, since: Instant::now() }
    }

    fn check(&mut self, arrived: u64, sent: u64) -> anyhow::Result<()> {
        if arrived != self.arrived {
            *self = Self { arrived, since: Instant::now() };
        }
        ensure!(
            self.since.elapsed() < PATIENCE,
            "{arrived} of {sent} records arrived, and nothing for {PATIENCE:?}"
        );
        Ok(())
    }
}

/// Records by which the way is tried, told by amounts that no others have.
pub(super) const PROBES: u64 = 64;
/// The amount of the first record that counts; each further one has one more.
pub(super) const FIRST_AMOUNT: u64 = 100;

/// How long the sender rests: as short as the system's timer allows, about 60 us.
const STEP: Duration = Duration::from_micros(10);
const MANY: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    #[test]
    fn a_steady_pace_has_an_end() {
        let pace = Pace::Steady { rate: 30_000 };
        let due = |micros| pace.due(Duration::from_micros(micros), 2, 0);
        assert_eq!(due(0), 1, "the first is due at once");
        assert_eq!((due(33), due(34)), (1, 2));
        assert_eq!(due(1_000_000), 30_001);
        assert_eq!((due(2_999_999), due(9_000_000)), (90_000, 90_000), "one second before, two measured");
        assert_eq!(pace.numbers(2), 90_000);
    }

    #[test]
    fn a_window_is_filled_as_records_arrive_until_the_end() {
        let pace = Pace::Window { records: 10 };
        assert_eq!(pace.due(Duration::ZERO, 2, 0), 10);
        assert_eq!(pace.due(Duration::from_secs(1), 2, 55), 65);
        assert_eq!(pace.due(Duration::from_secs(3), 2, 55), 0);
    }

    #[test]
    fn what_is_sent_is_counted_and_awaited() {
        let arrivals = Arrivals::new(0);
        let sent = send(Pace::Window { records: 5 }, 1, &arrivals, |amount| {
            arrivals.note(amount);
            Ok(future::ready(Ok(())))
        });
        let sent = sent.unwrap();
        assert_eq!(arrivals.count(), sent.records);
        assert!(sent.arrived > 0 && sent.arrived <= sent.records);
        assert!(!sent.in_time.is_zero());
    }

    #[test]
    fn a_send_that_fails_ends_the_run() {
        let arrivals = Arrivals::new(0);
        let sent = send(Pace::Steady { rate: 10 }, 1, &arrivals, |_| {
            Ok(future::ready(Err(anyhow::anyhow!("refused"))))
        });
        assert_eq!(sent.unwrap_err().to_string(), "refused");
    }
}
