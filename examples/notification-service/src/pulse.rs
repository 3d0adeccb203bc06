//! Whether a task is still served.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Beats as long as the task goes round that it is in.
///
/// It tells a loop that turns from one that hangs: a poll that never returns, a runtime without a free thread. Whether
/// there is anything to do, and whether Kafka is there, it does not tell: a restart would mend neither.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<Instant>);

impl Pulse {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Runs `work` and beats in the same task.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.beat() => match never {},
        }
    }

    /// Whether it has beaten lately.
    pub(crate) fn is_felt(&self) -> bool {
        self.last().elapsed() < SILENCE_MAX
    }

    async fn beat(&self) -> Infallible {
        loop {
            *self.last() = Instant::now();
            sleep(INTERVAL).await;
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Instant> {
        // A point in time is never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
/// A busy machine skips a beat now and then.
const SILENCE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pulse_is_felt_while_the_work_waits() {
        let pulse = Pulse::new();

        let waits = timeout(Duration::from_secs(3_600), pulse.beside(pending::<()>())).await;

        assert!(waits.is_err());
        assert!(pulse.is_felt());
    }

    #[tokio::test(start_paused = true)]
    async fn pulse_is_lost_when_the_task_is_not_served() {
        let pulse = Pulse::new();
        advance(SILENCE_MAX - Duration::from_millis(1)).await;
        assert!(pulse.is_felt());

        advance(Duration::from_millis(1)).await;

        assert!(!pulse.is_felt());
    }

    #[tokio::test(start_paused = true)]
    async fn result_of_the_work_is_handed_on() {
        assert_eq!(Pulse::new().beside(async { 7 }).await, 7);
    }
}
