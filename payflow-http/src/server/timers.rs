//! Timers for the requests of one connection, each used again.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

/// To set a timer later than it was set before costs far less than to begin and end one: as long as there are requests, none ever fires.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers(Arc<Mutex<Vec<Pin<Box<Sleep>>>>>);

impl Timers {
    /// A timer that ends then.
    pub(super) fn start(&self, until: Instant) -> Timer {
        let resting = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let sleep = match resting {
            Some(mut sleep) => {
                sleep.as_mut().reset(until);
                sleep
            }
            None => Box::pin(sleep_until(until)),
        };
        Timer { sleep: Some(sleep), timers: self.clone() }
    }
}

/// A timer in use. Dropped, it rests until the next request.
#[derive(Debug)]
pub(super) struct Timer {
    /// Present until it is dropped.
    sleep: Option<Pin<Box<Sleep>>>,
    timers: Timers,
}

impl Timer {
    /// Ready from its end on. What ran before it in this turn may have left no budget: it is heard all the same.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        pin!(unconstrained(sleep.as_mut())).poll(cx)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // There are never more than there were requests at once.
        self.timers.0.lock().unwrap_or_else(PoisonError::into_inner).extend(self.sleep.take());
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::task::coop::has_budget_remaining;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn timer_ends_when_it_was_set_for_last_and_is_used_again() {
        let (timers, start) = (Timers::default(), Instant::now());
        // Later, earlier, and after it has fired.
        for seconds in [5, 9, 1, 3] {
            let mut timer = timers.start(Instant::now() + seconds * SECOND);
            let begun = Instant::now();
            assert!(poll_fn(|cx| Poll::Ready(timer.poll(cx))).await.is_pending());
            if seconds != 5 {
                poll_fn(|cx| timer.poll(cx)).await;
                assert_eq!(begun.elapsed(), seconds * SECOND);
            }
        }
        assert_eq!(start.elapsed(), 13 * SECOND);
        assert_eq!(timers.0.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn timers_of_requests_at_once_are_different_ones() {
        let timers = Timers::default();
        let mut one = timers.start(Instant::now() + SECOND);
        let mut other = timers.start(Instant::now() + 2 * SECOND);
        poll_fn(|cx| one.poll(cx)).await;
        assert!(poll_fn(|cx| Poll::Ready(other.poll(cx))).await.is_pending());
        drop((one, other));
        assert_eq!(timers.0.lock().unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn timer_is_heard_without_budget() {
        let mut timer = Timers::default().start(Instant::now() + SECOND);
        tokio::time::advance(2 * SECOND).await;
        let heard = poll_fn(|cx| {
            while has_budget_remaining() {
                let _used = pin!(tokio::task::consume_budget()).poll(cx);
            }
            Poll::Ready(timer.poll(cx))
        });
        assert!(heard.await.is_ready());
    }
}
